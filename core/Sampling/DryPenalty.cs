using System.Collections.Frozen;

namespace Engine.Sampling;

/// <summary>
/// DRY: a token that would go on with a repetition is penalised by how long the repetition is already.
/// Linear in the history. The meaning is llama.cpp's.
/// </summary>
internal sealed class DryPenalty
{
    /// <summary>What it holds per token of the vocabulary.</summary>
    public const int BytesPerToken = sizeof(int);

    // Largest e with exp(e) finite in float32; the penalty's exponent is capped by it.
    private const double MaxLog = 88.7228391;

    private readonly int[] _best;
    private readonly SuffixMatches _suffixes;

    /// <param name="vocabSize">Ids of the history are below it, or are ignored.</param>
    /// <param name="suffixes">Scratch.</param>
    public DryPenalty(int vocabSize, SuffixMatches suffixes)
    {
        _suffixes = suffixes;
        _best = new int[vocabSize];
        Array.Fill(_best, -1);
    }

    /// <summary>Subtracts the penalties.</summary>
    public void Apply(
        RowEditor row,
        SamplingParams p,
        FrozenDictionary<int, int[][]> breakers,
        ReadOnlySpan<int> tokens)
    {
        if (p.DryBase < 1f || p.DryPenaltyLastN == 0)
        {
            return;
        }

        if (p.DryPenaltyLastN > 0 && tokens.Length > p.DryPenaltyLastN)
        {
            tokens = tokens[^p.DryPenaltyLastN..];
        }

        if (tokens.Length <= p.DryAllowedLength)
        {
            return;
        }

        int limit = TokensSinceBreaker(tokens, breakers);
        if (limit < p.DryAllowedLength)
        {
            return;
        }

        Subtract(row, p, breakers, tokens, limit);
    }

    /// <summary>Length of the tail that a repetition may cover.</summary>
    private static int TokensSinceBreaker(
        ReadOnlySpan<int> tokens, FrozenDictionary<int, int[][]> breakers)
    {
        if (breakers.Count == 0)
        {
            return tokens.Length;
        }

        for (int i = 0; i < tokens.Length; i++)
        {
            ReadOnlySpan<int> tail = tokens[^(i + 1)..];
            if (!breakers.TryGetValue(tail[0], out int[][]? sequences))
            {
                continue;
            }

            int longest = -1;
            foreach (int[] sequence in sequences)
            {
                if (sequence.Length - 1 > longest && tail.StartsWith(sequence))
                {
                    longest = sequence.Length - 1;
                }
            }

            if (longest >= 0)
            {
                return i - longest;
            }
        }

        return tokens.Length;
    }

    private void Subtract(
        RowEditor row,
        SamplingParams p,
        FrozenDictionary<int, int[][]> breakers,
        ReadOnlySpan<int> tokens,
        int limit)
    {
        int n = tokens.Length;
        ReadOnlySpan<int> matches = _suffixes.Of(tokens);
        for (int k = 1; k < n; k++)
        {
            int length = Math.Min(matches[k], limit);
            int next = tokens[n - k];
            if (length >= p.DryAllowedLength && (uint)next < (uint)row.Length && length > _best[next])
            {
                _best[next] = length;
            }
        }

        int maxExponent = p.DryBase > 1.000001f ? (int)(MaxLog / Math.Log(p.DryBase)) : 0;
        for (int k = 1; k < n; k++)
        {
            int next = tokens[n - k];
            if ((uint)next >= (uint)row.Length || _best[next] < 0)
            {
                continue;
            }

            int exponent = _best[next] - p.DryAllowedLength;
            _best[next] = -1;
            if (IsBreaker(next, breakers))
            {
                continue;
            }

            exponent = maxExponent > 0 ? Math.Min(exponent, maxExponent) : exponent;
            double penalty = p.DryMultiplier * Math.Pow(p.DryBase, exponent);
            row.Set(next, (float)Math.Max(row[next] - penalty, -float.MaxValue));
        }
    }

    private static bool IsBreaker(int id, FrozenDictionary<int, int[][]> breakers)
    {
        if (breakers.TryGetValue(id, out int[][]? sequences))
        {
            foreach (int[] sequence in sequences)
            {
                if (sequence.Length == 1)
                {
                    return true;
                }
            }
        }

        return false;
    }
}
