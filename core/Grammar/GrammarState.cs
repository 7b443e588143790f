namespace Engine.Grammar;

/// <summary>How far one output has come in its grammar: a function of its tokens.</summary>
internal sealed class GrammarState
{
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

    /// <summary>Masks what may not come next.</summary>
    /// <param name="logits">The row; what may not come becomes minus infinity.</param>
    public void Apply(Span<float> logits)
    {
        ReadOnlySpan<uint> mask = _hasEnded || _at is null ? default : _program.Mask(_at);
        Span<float> ends = stackalloc float[Math.Min(_endTokens.Length, 64)];
        bool mayEnd = _hasEnded || _at is { MayEnd: true };
        for (int i = 0; i < ends.Length; i++)
        {
            ends[i] = _endTokens[i] < logits.Length ? logits[_endTokens[i]] : 0;
        }

        for (int word = 0; word * 32 < logits.Length; word++)
        {
            uint bits = word < mask.Length ? mask[word] : 0;
            Span<float> part = logits.Slice(word * 32, Math.Min(32, logits.Length - word * 32));
            if (bits == 0)
            {
                part.Fill(float.NegativeInfinity);
            }
            else if (bits != uint.MaxValue)
            {
                for (int i = 0; i < part.Length; i++)
                {
                    part[i] = (bits >> i & 1) != 0 ? part[i] : float.NegativeInfinity;
                }
            }
        }

        for (int i = 0; i < ends.Length; i++)
        {
            if (_endTokens[i] < logits.Length)
            {
                logits[_endTokens[i]] = mayEnd ? ends[i] : float.NegativeInfinity;
            }
        }
    }
}
