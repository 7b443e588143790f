using System.Runtime.Intrinsics;

namespace Engine.Grammar;

/// <summary>A place that an output has come to in its grammar.</summary>
internal readonly record struct GrammarMark(PositionSet? At, int NumTokens, bool HasEnded);

/// <summary>How far one output has come in its grammar: a function of its tokens.</summary>
internal sealed class GrammarState
{
    private const int MaxEndTokens = 64;

    private readonly GrammarProgram _program;
    private readonly int[] _endTokens;
    private PositionSet? _at;
    private int _numTokens;
    private bool _hasEnded;

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

    /// <summary>Goes back to a mark.</summary>
    public void Return(GrammarMark mark) => (_at, _numTokens, _hasEnded) = (mark.At, mark.NumTokens, mark.HasEnded);

    /// <summary>Follows the output's tokens; starts over if some were taken back.</summary>
    /// <returns>False if a token does not fit, which only a fault or a client's prefix can cause.</returns>
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
            _hasEnded = next is null && _at.MayEnd && _endTokens.Contains(token);
            _at = _hasEnded ? _at : next;
        }

        return _hasEnded || _at is not null;
    }

    /// <summary>What will come next for certain, or most likely; the state stays where it is.</summary>
    /// <param name="output">The output's tokens.</param>
    /// <param name="tokens">Takes what comes after them.</param>
    /// <param name="guesses">Whether to go on where one text may come, in several cuts into tokens.</param>
    /// <param name="numCertain">Of the tokens, the first so many have no alternative.</param>
    /// <returns>How many tokens were found.</returns>
    public int Foresee(ReadOnlySpan<int> output, Span<int> tokens, bool guesses, out int numCertain)
    {
        numCertain = 0;
        int count = 0;
        try
        {
            PositionSet? at = Follow(output) && !_hasEnded ? _at : null;
            for (; count < tokens.Length && at is { MayEnd: false }; count++)
            {
                bool isCertain = _program.Mask(at).Few is { Length: 1 };
                int token = isCertain ? _program.Mask(at).Few![0] : guesses ? _program.Likely(at) : -1;
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
