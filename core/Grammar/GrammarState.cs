using System.Runtime.Intrinsics;

namespace Engine.Grammar;

/// <summary>A place that an output has come to in its grammar.</summary>
internal readonly record struct GrammarMark(PositionSet? At, int NumTokens, bool HasEnded);

/// <summary>How far one output has come in its grammar: a function of its tokens.</summary>
internal sealed class GrammarState : IDisposable
{
    /// <summary>
    /// Units of <see cref="WorkBudget"/> for one mask on the engine's thread: a quarter of a millisecond, or half on a busy machine.
    /// </summary>
    /// <remarks>Tests set it, so that every mask is left to another thread.</remarks>
    public static long MaskWork { get; set; } = 250_000;

    private const int MaxEndTokens = 64;

    private readonly GrammarProgram _program;
    private readonly int[] _endTokens;
    private PositionSet? _at;
    private int _numTokens;
    private bool _hasEnded;
    private MaskJob? _job;

    /// <param name="program">The grammar.</param>
    /// <param name="endTokens">Allowed only where the grammar may end: end-of-sequence and stop ids.</param>
    public GrammarState(GrammarProgram program, int[] endTokens)
    {
        _program = program;
        _endTokens = endTokens;
        _at = program.Start;
    }

    /// <summary>Where it is, to come back to after tokens that may not stay.</summary>
    public GrammarMark Mark => new(_at, _numTokens, _hasEnded);

    /// <summary>
    /// What <see cref="IsReady"/> was asked for last cannot be had: too many positions are open, or it takes too long.
    /// </summary>
    public bool IsTooCostly { get; private set; }

    /// <summary>Goes back to a mark.</summary>
    public void Return(GrammarMark mark) => (_at, _numTokens, _hasEnded) = (mark.At, mark.NumTokens, mark.HasEnded);

    /// <summary>Follows the output's tokens; starts over if some were taken back.</summary>
    /// <returns>
    /// False if a token does not fit, which only a fault or a client's prefix can cause, or if the thread's work budget
    /// is spent before the end.
    /// </returns>
    public bool Follow(ReadOnlySpan<int> output)
    {
        if (output.Length < _numTokens)
        {
            (_at, _numTokens, _hasEnded) = (_program.Start, 0, false);
        }

        for (; _numTokens < output.Length; _numTokens++)
        {
            if (_hasEnded || _at is null)
            {
                continue;
            }

            int token = output[_numTokens];
            PositionSet? next = _program.Advance(_at, token);
            if (next is null && WorkBudget.IsSpent)
            {
                return false;
            }

            _hasEnded = next is null && _at.MayEnd && _endTokens.Contains(token);
            _at = _hasEnded ? _at : next;
        }

        return _hasEnded || _at is not null;
    }

    /// <summary>
    /// Whether the mask after some tokens is known, or can be within an allowance; if not, it is made on another
    /// thread, and a later call finds it. Nothing else depends on it: who does not ask gets the mask, however long it
    /// takes.
    /// </summary>
    /// <param name="output">The output's tokens, drafts included.</param>
    /// <param name="allowance">Units of <see cref="WorkBudget"/> that may be spent now; gets what is left.</param>
    public bool IsReady(ReadOnlySpan<int> output, ref long allowance)
    {
        IsTooCostly = false;
        if (_job is { IsDone: true } done && done.Reaches(_at, _numTokens, output))
        {
            IsTooCostly = done.HasFailed;
            (_at, _numTokens) = done.HasFailed ? (_at, _numTokens) : (done.At, output.Length);
        }

        if (IsTooCostly || (_numTokens == output.Length && (_hasEnded || _at?.Mask is not null)))
        {
            return true;
        }

        // While another thread works for this output, this one takes what is known.
        bool isBusy = _job is { IsDone: false };
        long most = isBusy ? 0 : Math.Min(allowance, MaskWork);
        bool isReady = false;
        WorkBudget.Begin(most);
        try
        {
            isReady = !Follow(output) ? !WorkBudget.IsSpent : _hasEnded || _program.TryMask(_at!) is not null;
        }
        catch (EngineException)
        {
            IsTooCostly = true;
        }
        finally
        {
            allowance -= most - WorkBudget.End();
        }

        if (isReady || IsTooCostly)
        {
            return true;
        }

        if (!isBusy)
        {
            _job = MaskJob.Start(_program, _at!, _numTokens, output[_numTokens..]);
        }

        return false;
    }

    /// <summary>Waits for a mask under way, at most so long.</summary>
    public void WaitForMask(TimeSpan most) => _job?.Wait(most);

    /// <summary>A mask under way is wanted no more.</summary>
    public void Dispose() => _job?.Cancel();

    /// <summary>What will come next for certain, or most likely; the state stays where it is.</summary>
    /// <param name="output">The output's tokens.</param>
    /// <param name="tokens">Takes what comes after them.</param>
    /// <param name="maxGuesses">Tokens, at most, where one text may come in several cuts into tokens.</param>
    /// <param name="numCertain">Of the tokens, the first so many have no alternative.</param>
    /// <param name="allowance">Units of <see cref="WorkBudget"/> that may be spent; gets what is left.</param>
    /// <returns>How many tokens were found.</returns>
    public int Foresee(
        ReadOnlySpan<int> output, Span<int> tokens, int maxGuesses, out int numCertain, ref long allowance)
    {
        numCertain = 0;
        int count = 0;
        if (!IsReady(output, ref allowance) || IsTooCostly)
        {
            return 0;
        }

        WorkBudget.Begin(allowance);
        try
        {
            PositionSet? at = Follow(output) && !_hasEnded ? _at : null;
            for (; count < tokens.Length && at is { MayEnd: false } && _program.TryMask(at) is { } mask; count++)
            {
                bool isCertain = mask.Few is { Length: 1 };
                int token = isCertain ? mask.Few![0] : maxGuesses-- > 0 ? _program.Likely(at) : -1;
                if (token < 0)
                {
                    break;
                }

                numCertain += isCertain && numCertain == count ? 1 : 0;
                tokens[count] = token;
                at = _program.Advance(at, token);
            }
        }
        catch (EngineException)
        {
            // More positions than allowed: sampling will say so, if it comes there.
        }
        finally
        {
            allowance = WorkBudget.End();
        }

        return count;
    }

    /// <summary>Nothing but the end may come next, whatever min_tokens asks for.</summary>
    public bool MustEnd => _hasEnded || (_at is { MayEnd: true } && _program.Mask(_at).Few is []);

    /// <summary>Masks what may not come next.</summary>
    /// <param name="logits">The row; what may not come becomes minus infinity.</param>
    public void Apply(Span<float> logits)
    {
        TokenMask? mask = _hasEnded || _at is null ? null : _program.Mask(_at);
        int[] few = mask?.Few ?? [];
        bool mayEnd = _hasEnded || _at is { MayEnd: true };
        int numEnds = Math.Min(_endTokens.Length, MaxEndTokens);
        Span<float> kept = stackalloc float[MaxEndTokens + TokenMask.MaxFew];
        for (int i = 0; i < numEnds; i++)
        {
            kept[i] = mayEnd && _endTokens[i] < logits.Length ? logits[_endTokens[i]] : float.NegativeInfinity;
        }

        if (mask?.Bits is { } bits)
        {
            KeepBits(logits, bits);
            foreach (int id in mask.Without)
            {
                if (id < logits.Length)
                {
                    logits[id] = float.NegativeInfinity;
                }
            }
        }
        else
        {
            for (int i = 0; i < few.Length; i++)
            {
                kept[numEnds + i] = few[i] < logits.Length ? logits[few[i]] : float.NegativeInfinity;
            }

            logits.Fill(float.NegativeInfinity);
        }

        for (int i = 0; i < few.Length && few[i] < logits.Length; i++)
        {
            logits[few[i]] = kept[numEnds + i];
        }

        for (int i = 0; i < numEnds; i++)
        {
            if (_endTokens[i] < logits.Length)
            {
                logits[_endTokens[i]] = kept[i];
            }
        }
    }

    /// <summary>Writes as bits what Apply leaves.</summary>
    public void CopyTo(Span<uint> bits)
    {
        bits.Clear();
        if (!_hasEnded && _at is not null)
        {
            _program.Mask(_at).CopyTo(bits);
        }

        bool mayEnd = _hasEnded || _at is { MayEnd: true };
        foreach (int id in _endTokens.AsSpan(0, Math.Min(_endTokens.Length, MaxEndTokens)))
        {
            TokenMask.Set(bits, id, mayEnd);
        }
    }

    /// <summary>Minus infinity where a bit is off; eight at a time.</summary>
    private static void KeepBits(Span<float> logits, ReadOnlySpan<uint> bits)
    {
        Vector256<uint> select = Vector256.Create(1u, 2u, 4u, 8u, 16u, 32u, 64u, 128u);
        Vector256<float> never = Vector256.Create(float.NegativeInfinity);
        int words = Math.Min(bits.Length, logits.Length / 32);
        for (int word = 0; word < words; word++)
        {
            Span<float> part = logits.Slice(word * 32, 32);
            if (bits[word] is 0 or uint.MaxValue)
            {
                if (bits[word] == 0)
                {
                    part.Fill(float.NegativeInfinity);
                }

                continue;
            }

            for (int i = 0; i < 32; i += 8)
            {
                Vector256<uint> on = Vector256.Equals(Vector256.Create(bits[word] >> i) & select, select);
                Vector256.ConditionalSelect(on.AsSingle(), Vector256.Create<float>(part[i..]), never)
                    .CopyTo(part[i..]);
            }
        }

        for (int id = words * 32; id < logits.Length; id++)
        {
            bool on = id >> 5 < bits.Length && (bits[id >> 5] >> (id & 31) & 1) != 0;
            logits[id] = on ? logits[id] : float.NegativeInfinity;
        }
    }
}
