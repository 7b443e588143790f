namespace Engine.Tokenization.Patterns;

/// <summary>
/// At which positions a lookahead's body matches, for all positions of a text at once: filled from
/// the end backwards, so the work is linear however often and wherever it is asked.
/// </summary>
internal sealed class PatternTruthTable
{
    private readonly PatternInstruction[] _code;
    private readonly int _entry;
    private readonly int _count;
    private readonly int _words;
    private readonly ReadOnlyMemory<int> _text;

    // Bit p of row pos: instruction _entry + p matches from pos on.
    private readonly ulong[] _rows;

    // Bit p of row pos: zero or more of run p and then the rest match from pos on.
    private readonly ulong[] _more;
    private readonly int[] _runEnds;
    private readonly Dictionary<int, PatternTruthTable> _inner = [];

    public PatternTruthTable(PatternInstruction[] code, int entry, ReadOnlyMemory<int> text)
    {
        _code = code;
        _entry = entry;
        _text = text;
        while (code[entry + _count].Op != PatternOp.Accept)
        {
            _count++;
        }

        _count++;
        _words = (_count + 63) / 64;
        _rows = new ulong[checked((text.Length + 1) * _words)];
        _more = new ulong[_rows.Length];
        _runEnds = new int[_count];
        for (int pos = text.Length; pos >= 0; pos--)
        {
            FillRuns(pos);
            while (FillRow(pos))
            {
                // Jumps lead backwards; a second round sees what they lead to.
            }
        }
    }

    public bool Holds(int pos) => Get(_rows, 0, pos);

    private bool Get(ulong[] bits, int p, int pos) =>
        pos <= _text.Length && (bits[(pos * _words) + (p >> 6)] & (1UL << (p & 63))) != 0;

    private bool At(int pc, int pos) => Get(_rows, pc - _entry, pos);

    private void FillRuns(int pos)
    {
        ReadOnlySpan<int> text = _text.Span;
        for (int p = 0; p < _count; p++)
        {
            CharSet? set = _code[_entry + p].Set;
            bool inside = pos < text.Length && set is not null && set.Contains(text[pos]);
            _runEnds[p] = inside ? _runEnds[p] : pos;
        }
    }

    private bool FillRow(int pos)
    {
        bool changed = false;
        for (int p = _count - 1; p >= 0; p--)
        {
            if (!Get(_rows, p, pos) && Matches(p, pos))
            {
                _rows[(pos * _words) + (p >> 6)] |= 1UL << (p & 63);
                changed = true;
            }
        }

        return changed;
    }

    private bool Matches(int p, int pos)
    {
        ReadOnlySpan<int> text = _text.Span;
        ref readonly PatternInstruction i = ref _code[_entry + p];
        int pc = _entry + p;
        switch (i.Op)
        {
            case PatternOp.Accept:
                return true;
            case PatternOp.Char:
                return pos < text.Length && text[pos] == i.A && At(pc + 1, pos + 1);
            case PatternOp.Set:
                return pos < text.Length && i.Set!.Contains(text[pos]) && At(pc + 1, pos + 1);
            case PatternOp.Jump:
                return At(i.A, pos);
            case PatternOp.Split:
                return At(i.A, pos) || At(i.B, pos);
            case PatternOp.Next:
                return (pos < text.Length && i.Set!.Contains(text[pos])) != i.Negative
                    && At(pc + 1, pos);
            case PatternOp.Previous:
                return (pos > 0 && i.Set!.Contains(text[pos - 1])) != i.Negative
                    && At(pc + 1, pos);
            case PatternOp.Assert:
                return Assertions.Hold(i.Assertion, text, pos) && At(pc + 1, pos);
            case PatternOp.Look:
                return Inner(i.A).Holds(pos) != i.Negative && At(pc + 1, pos);
            default:
                return Run(in i, p, pos);
        }
    }

    private PatternTruthTable Inner(int entry)
    {
        if (!_inner.TryGetValue(entry, out PatternTruthTable? table))
        {
            _inner.Add(entry, table = new PatternTruthTable(_code, entry, _text));
        }

        return table;
    }

    private bool Run(in PatternInstruction i, int p, int pos)
    {
        int pc = _entry + p;
        int end = _runEnds[p];
        if (i.Op == PatternOp.RunPossessive)
        {
            int stop = i.Max < end - pos ? pos + i.Max : end;
            return stop - pos >= i.Min && At(pc + 1, stop);
        }

        if (i.Max == int.MaxValue)
        {
            if (At(pc + 1, pos) || (end > pos && Get(_more, p, pos + 1)))
            {
                _more[(pos * _words) + (p >> 6)] |= 1UL << (p & 63);
            }

            return end - pos >= i.Min && Get(_more, p, pos + i.Min);
        }

        for (int stop = pos + i.Min; stop <= end && stop - pos <= i.Max; stop++)
        {
            if (At(pc + 1, stop))
            {
                return true;
            }
        }

        return false;
    }
}
