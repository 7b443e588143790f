namespace Engine.Sampling;

/// <summary>
/// Looks for stop strings in one output's text as it comes, and holds back no more than what may be the
/// beginning of one. Linear in the text; allocates only what it returns.
/// </summary>
internal sealed class StopMatcher
{
    private readonly StopStrings _stops;
    private readonly bool _include;
    private readonly int[] _matched;
    private char[] _held = [];
    private int _numHeld;

    /// <param name="stops">What to look for.</param>
    /// <param name="include">The stop string stays in the text, so nothing is held back.</param>
    public StopMatcher(StopStrings stops, bool include)
    {
        _stops = stops;
        _include = include;
        _matched = new int[stops.Count];
    }

    /// <summary>The string that ended the text, or null.</summary>
    public string? Found { get; private set; }

    /// <summary>Adds text and returns what became final.</summary>
    /// <param name="text">New text, all of one token.</param>
    /// <param name="mayStop">False: strings that end in this text do not count (min_tokens).</param>
    /// <param name="isLast">No more text follows: nothing is held back.</param>
    public string Append(string text, bool mayStop, bool isLast)
    {
        if (_stops.Count == 0)
        {
            return text;
        }

        int end = Find(text, mayStop, out int stop);
        if (stop >= 0)
        {
            Found = _stops.Strings[stop];
            return Release(text, end, _include ? 0 : Found.Length);
        }

        int hold = 0;
        if (!isLast && !_include)
        {
            foreach (int matched in _matched)
            {
                hold = Math.Max(hold, matched);
            }
        }

        return Release(text, text.Length, hold);
    }

    /// <summary>End in the text of the stop string that is complete first, in list order if several are.</summary>
    private int Find(string text, bool mayStop, out int stop)
    {
        for (int i = 0; i < text.Length; i++)
        {
            stop = -1;
            for (int s = 0; s < _matched.Length; s++)
            {
                _matched[s] = _stops.Advance(s, _matched[s], text[i]);
                if (_matched[s] == _stops.Strings[s].Length)
                {
                    stop = stop < 0 ? s : stop;
                    _matched[s] = _stops.AfterFullMatch(s);
                }
            }

            if (stop >= 0 && mayStop)
            {
                return i + 1;
            }
        }

        stop = -1;
        return text.Length;
    }

    /// <summary>Of what is held and text[..end], returns all but the last [keep] characters.</summary>
    private string Release(string text, int end, int keep)
    {
        int total = _numHeld + end;
        int release = total - keep;
        if (_numHeld == 0 && release == text.Length)
        {
            return text;
        }

        if (_held.Length < total)
        {
            Array.Resize(ref _held, Math.Max(total, 2 * _held.Length));
        }

        text.AsSpan(0, end).CopyTo(_held.AsSpan(_numHeld));
        if (release <= 0)
        {
            _numHeld = total;
            return "";
        }

        string released = new(_held, 0, release);
        _held.AsSpan(release, total - release).CopyTo(_held);
        _numHeld = total - release;
        return released;
    }
}
