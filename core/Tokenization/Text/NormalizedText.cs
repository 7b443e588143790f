namespace Engine.Tokenization.Text;

/// <summary>
/// Code points under rewriting and, if tracked, the range of original code points that each one
/// stands for. Rewriting goes through a spare buffer: Begin, Emit..., Commit.
/// </summary>
internal sealed class NormalizedText
{
    private int[] _codes = new int[64];
    private int[] _starts = [];
    private int[] _ends = [];
    private int[] _newCodes = new int[64];
    private int[] _newStarts = [];
    private int[] _newEnds = [];
    private int _newLength;

    public bool Tracked { get; private set; }

    public int Length { get; private set; }

    public ReadOnlySpan<int> Codes => _codes.AsSpan(0, Length);

    /// <summary>The array behind Codes; valid until the next Commit.</summary>
    public int[] RawCodes => _codes;

    /// <summary>Codes emitted since Begin.</summary>
    public int NewLength => _newLength;

    public int Capacity => Math.Max(_codes.Length, _newCodes.Length);

    public void Load(ReadOnlySpan<int> codes, int originalStart, bool tracked)
    {
        Tracked = tracked;
        Length = codes.Length;
        Grow(ref _codes, Length);
        codes.CopyTo(_codes);
        if (tracked)
        {
            Grow(ref _starts, Length);
            Grow(ref _ends, Length);
            for (int i = 0; i < Length; i++)
            {
                _starts[i] = originalStart + i;
                _ends[i] = originalStart + i + 1;
            }
        }
    }

    public void Load(NormalizedText source, int start, int length)
    {
        Tracked = source.Tracked;
        Length = length;
        Grow(ref _codes, length);
        Array.Copy(source._codes, start, _codes, 0, length);
        if (Tracked)
        {
            Grow(ref _starts, length);
            Grow(ref _ends, length);
            Array.Copy(source._starts, start, _starts, 0, length);
            Array.Copy(source._ends, start, _ends, 0, length);
        }
    }

    /// <summary>Original range behind [start, end); start must be below end.</summary>
    public (int Start, int End) OriginalRange(int start, int end) =>
        (_starts[start], _ends[end - 1]);

    public int OriginalStart(int index) => _starts[index];

    public void Begin() => _newLength = 0;

    /// <summary>Appends a code point aligned as the old code point at an index.</summary>
    public void Emit(int code, int alignAs)
    {
        if (_newLength == _newCodes.Length)
        {
            Array.Resize(ref _newCodes, checked(_newLength * 2));
        }

        _newCodes[_newLength] = code;
        if (Tracked)
        {
            if (_newLength >= _newStarts.Length)
            {
                Array.Resize(ref _newStarts, _newCodes.Length);
                Array.Resize(ref _newEnds, _newCodes.Length);
            }

            // Something inserted before all text stands for nothing.
            bool some = (uint)alignAs < (uint)Length;
            _newStarts[_newLength] = some ? _starts[alignAs] : 0;
            _newEnds[_newLength] = some ? _ends[alignAs] : 0;
        }

        _newLength++;
    }

    /// <summary>Takes a code point off the end of what was emitted.</summary>
    public void TrimNew(int code)
    {
        while (_newLength > 0 && _newCodes[_newLength - 1] == code)
        {
            _newLength--;
        }
    }

    /// <summary>Appends old code points [start, end) as they are.</summary>
    public void Keep(int start, int end)
    {
        for (int i = start; i < end; i++)
        {
            Emit(_codes[i], i);
        }
    }

    /// <summary>
    /// Rewrites all of the text as code points and the change in length that each stands for: 0
    /// replaces one, 1 is inserted after the one before, -n replaces one and drops n that follow.
    /// </summary>
    public void Transform(List<(int Code, int Change)> items)
    {
        Begin();
        int at = 0;
        foreach ((int code, int change) in items)
        {
            Emit(code, change > 0 ? at - 1 : at);
            at += change > 0 ? 0 : 1 - change;
        }

        Commit();
    }

    public void Commit()
    {
        (_codes, _newCodes) = (_newCodes, _codes);
        (_starts, _newStarts) = (_newStarts, _starts);
        (_ends, _newEnds) = (_newEnds, _ends);
        Length = _newLength;
        if (Tracked)
        {
            // The swapped-in arrays may be shorter than the codes when the text was empty.
            Grow(ref _starts, Length);
            Grow(ref _ends, Length);
        }
    }

    private static void Grow(ref int[] array, int length)
    {
        if (array.Length < length)
        {
            Array.Resize(ref array, Math.Max(length, 2 * array.Length));
        }
    }
}
