namespace Engine.Tokenization.PreTokenizers;

/// <summary>Applies a SplitBehavior to the alternating matches and gaps of one word.</summary>
internal struct SplitWriter(PreTokens target, SplitBehavior behavior)
{
    private int _offset;
    private int _start;
    private int _end;
    private bool _pending;
    private bool _pendingIsMatch;
    private bool _previousIsMatch;

    /// <summary>Begins a word; positions are then relative to its start.</summary>
    public void Begin(int offset)
    {
        _offset = offset;
        _pending = false;
        _previousIsMatch = false;
    }

    public void Add(int start, int end, bool isMatch)
    {
        bool join = behavior switch
        {
            SplitBehavior.Contiguous => _pending && isMatch == _previousIsMatch,
            SplitBehavior.MergedWithPrevious => _pending && isMatch && !_previousIsMatch,
            // A match is held back; what follows joins it unless that is a match as well.
            SplitBehavior.MergedWithNext => _pending && _pendingIsMatch && !isMatch,
            _ => false,
        };
        _previousIsMatch = isMatch;
        if (behavior == SplitBehavior.Removed && isMatch)
        {
            End();
            return;
        }

        if (join)
        {
            _end = end;
            _pendingIsMatch = false;
            return;
        }

        End();
        (_start, _end, _pending, _pendingIsMatch) = (start, end, true, isMatch);
    }

    /// <summary>Ends the word.</summary>
    public void End()
    {
        if (_pending)
        {
            target.AddWord(_offset + _start, _offset + _end);
            _pending = false;
        }
    }
}
