namespace Engine.Tokenization.Patterns;

/// <summary>
/// A backtracking matcher whose time is linear in the text: once it has worked more than a small
/// multiple of the text's length it marks (instruction, position) states that failed and never
/// enters them again. Lookarounds switch to a table of all positions at the same point.
/// </summary>
internal sealed class PatternMatcher(
    PatternInstruction[] code, CharSet? first, ReadOnlyMemory<int> memory) : PatternCursor
{
    private const long FreeSteps = 2048;
    private const long StepsPerCharacter = 8;
    private const long AtomicLimit = 64;
    private readonly long _budget = FreeSteps + (StepsPerCharacter * memory.Length);
    private int[] _stack = new int[48];
    private long _steps;
    private long _atomicSteps;
    private ulong[]? _failed;
    private int _rowWords;
    private Dictionary<int, PatternTruthTable>? _looks;
    private Dictionary<long, int>? _atomics;
    private (int Start, int End)[]? _runs;

    // By instruction after a run: a stretch [Low, High) of positions that were all entered, so that
    // a run does not try them one by one again.
    private (int Low, int High)[]? _entered;

    public override bool Find(int from, out int start, out int end)
    {
        int length = memory.Length;
        ReadOnlySpan<int> text = memory.Span;
        for (start = from; start <= length; start++)
        {
            if (first is not null)
            {
                while (start < length && !first.Contains(text[start]))
                {
                    start++;
                }

                if (start == length)
                {
                    break;
                }
            }

            end = Match(text, 0, start, 0);
            if (end >= 0)
            {
                // The path of a match failed nowhere, and the next search begins at its end.
                _failed?.AsSpan(end * _rowWords, _rowWords).Clear();
                for (int i = 0; i < _entered?.Length; i++)
                {
                    _entered[i].Low = Math.Max(_entered[i].Low, end + 1);
                }

                return true;
            }
        }

        start = end = -1;
        return false;
    }

    /// <summary>Runs from an instruction at a position; returns the end or -1.</summary>
    private int Match(ReadOnlySpan<int> text, int pc, int pos, int stackBase)
    {
        int top = stackBase;
        while (true)
        {
            if (Advance(text, ref pc, ref pos, ref top))
            {
                return pos;
            }

            if (!Backtrack(stackBase, ref pc, ref pos, ref top))
            {
                return -1;
            }
        }
    }

    private void Push(ref int top, int pc, int pos, int limit)
    {
        if (top + 3 > _stack.Length)
        {
            Array.Resize(ref _stack, checked(_stack.Length * 2));
        }

        _stack[top] = pc;
        _stack[top + 1] = pos;
        _stack[top + 2] = limit;
        top += 3;
    }

    // An entry is a state to go on from, or a run that can give back (limit below its position)
    // or take (lazy: limit above it) one more.
    private bool Backtrack(int stackBase, ref int pc, ref int pos, ref int top)
    {
        while (top > stackBase)
        {
            top -= 3;
            pc = _stack[top];
            pos = _stack[top + 1];
            int limit = _stack[top + 2];
            if (limit != pos)
            {
                int next = Untried(pc, limit < pos ? pos - 1 : pos + 1, limit < pos);
                if (limit < pos ? next < limit : next > limit)
                {
                    continue;
                }

                _stack[top + 1] = next;
                top += next == limit ? 0 : 3;
                pos = next;
                NoteEntered(pc, pos);
            }

            if (Enter(pc, pos))
            {
                return true;
            }
        }

        return false;
    }

    private int Untried(int pc, int pos, bool down)
    {
        if (_entered is null || pos < _entered[pc].Low || pos >= _entered[pc].High)
        {
            return pos;
        }

        return down ? _entered[pc].Low - 1 : _entered[pc].High;
    }

    private void NoteEntered(int pc, int pos)
    {
        if (_failed is null)
        {
            return;
        }

        _entered ??= new (int, int)[code.Length];
        ref (int Low, int High) known = ref _entered[pc];
        if (known.Low >= known.High)
        {
            known = (pos, pos + 1);
        }
        else if (pos == known.High)
        {
            known.High++;
        }
        else if (pos == known.Low - 1)
        {
            known.Low--;
        }
        else if (pos < known.Low || pos > known.High)
        {
            known = (pos, pos + 1);
        }
    }

    /// <summary>Counts a step; false if the state is known to fail.</summary>
    private bool Enter(int pc, int pos)
    {
        if (_failed is null)
        {
            if (++_steps > _budget)
            {
                _rowWords = (code.Length + 63) / 64;
                _failed = new ulong[checked((memory.Length + 1) * _rowWords)];
            }

            return true;
        }

        ref ulong word = ref _failed[(pos * _rowWords) + (pc >> 6)];
        ulong bit = 1UL << (pc & 63);
        if ((word & bit) != 0)
        {
            return false;
        }

        word |= bit;
        return true;
    }

    /// <summary>Goes on until a match (true) or a failure (false).</summary>
    private bool Advance(ReadOnlySpan<int> text, ref int pc, ref int pos, ref int top)
    {
        while (true)
        {
            ref readonly PatternInstruction i = ref code[pc];
            switch (i.Op)
            {
                case PatternOp.Char:
                    if (pos >= text.Length || text[pos] != i.A)
                    {
                        return false;
                    }

                    pos++;
                    pc++;
                    break;
                case PatternOp.Set:
                    if (pos >= text.Length || !i.Set!.Contains(text[pos]))
                    {
                        return false;
                    }

                    pos++;
                    pc++;
                    break;
                case PatternOp.Run or PatternOp.RunLazy or PatternOp.RunPossessive:
                    if (!Run(text, in i, ref pc, ref pos, ref top))
                    {
                        return false;
                    }

                    break;
                case PatternOp.Split:
                    if (!Split(text, in i, ref pc, pos, ref top))
                    {
                        return false;
                    }

                    break;
                case PatternOp.Jump:
                    pc = i.A;
                    break;
                case PatternOp.Accept:
                    return true;
                case PatternOp.Atomic:
                    pos = MatchAtomic(text, i.A, pos, top);
                    pc++;
                    if (pos < 0)
                    {
                        return false;
                    }

                    break;
                default:
                    if (!Holds(text, in i, pos, top))
                    {
                        return false;
                    }

                    pc++;
                    break;
            }
        }
    }

    private bool Split(
        ReadOnlySpan<int> text, in PatternInstruction i, ref int pc, int pos, ref int top)
    {
        int c = pos < text.Length ? text[pos] : -1;
        bool a = i.FirstA is null || (c >= 0 && i.FirstA.Contains(c));
        bool b = i.FirstB is null || (c >= 0 && i.FirstB.Contains(c));
        if (a && b)
        {
            Push(ref top, i.B, pos, pos);
        }

        pc = a ? i.A : i.B;
        return (a || b) && Enter(pc, pos);
    }

    private bool Run(
        ReadOnlySpan<int> text, in PatternInstruction i, ref int pc, ref int pos, ref int top)
    {
        CharSet set = i.Set!;
        int end = pos;
        int most = i.Max > text.Length - pos ? text.Length : pos + i.Max;
        if (i.Max == int.MaxValue && _failed is not null)
        {
            end = RunEnd(text, set, pc, pos);
        }
        else
        {
            while (end < most && set.Contains(text[end]))
            {
                end++;
            }
        }

        _steps += end - pos;
        int least = pos + i.Min;
        pc++;
        if (end < least)
        {
            return false;
        }

        pos = i.Op == PatternOp.RunLazy ? least : end;
        if (least != end && i.Op != PatternOp.RunPossessive)
        {
            Push(ref top, pc, pos, i.Op == PatternOp.RunLazy ? end : least);
        }

        bool fresh = Enter(pc, pos);
        NoteEntered(pc, pos);
        return fresh;
    }

    // Where a run without bound ends does not depend on where it began, so it is measured once.
    private int RunEnd(ReadOnlySpan<int> text, CharSet set, int pc, int pos)
    {
        _runs ??= new (int, int)[code.Length];
        (int Start, int End) known = _runs[pc];
        if (known.Start <= pos && pos < known.End)
        {
            return known.End;
        }

        int end = pos;
        while (end < text.Length && set.Contains(text[end]))
        {
            if (end == known.Start && known.End > end)
            {
                end = known.End;
                break;
            }

            end++;
        }

        _runs[pc] = (pos, end);
        return end;
    }

    private bool Holds(ReadOnlySpan<int> text, in PatternInstruction i, int pos, int top)
    {
        switch (i.Op)
        {
            case PatternOp.Next:
                return (pos < text.Length && i.Set!.Contains(text[pos])) != i.Negative;
            case PatternOp.Previous:
                return (pos > 0 && i.Set!.Contains(text[pos - 1])) != i.Negative;
            case PatternOp.Assert:
                return Assertions.Hold(i.Assertion, text, pos);
            default:
                return Look(text, in i, pos, top) != i.Negative;
        }
    }

    private bool Look(ReadOnlySpan<int> text, in PatternInstruction i, int pos, int top)
    {
        if (i.B >= 0)
        {
            // Bounded by its width, so it needs no marks (which would outlive its successes).
            ulong[]? failed = _failed;
            _failed = null;
            bool holds = pos >= i.B && Match(text, i.A, pos - i.B, top) == pos;
            _failed = failed ?? _failed;
            return holds;
        }

        if (_failed is null)
        {
            return Match(text, i.A, pos, top) >= 0;
        }

        _looks ??= [];
        if (!_looks.TryGetValue(i.A, out PatternTruthTable? table))
        {
            _looks.Add(i.A, table = new PatternTruthTable(code, i.A, memory));
        }

        return table.Holds(pos);
    }

    private int MatchAtomic(ReadOnlySpan<int> text, int entry, int pos, int top)
    {
        if (_failed is null)
        {
            return Match(text, entry, pos, top);
        }

        _atomics ??= [];
        long key = ((long)entry << 32) | (uint)pos;
        if (!_atomics.TryGetValue(key, out int end))
        {
            // A body decides alone, so its failures must not be mixed with the caller's. Past
            // the limit, which no sane pattern reaches, it counts as failed.
            PatternMatcher body = new(code, null, memory);
            end = _atomicSteps > AtomicLimit * (memory.Length + FreeSteps)
                ? -1 : body.Match(text, entry, pos, 0);
            _atomicSteps += body._steps + (body._failed?.Length ?? 0);
            _atomics.Add(key, end);
        }

        return end;
    }
}
