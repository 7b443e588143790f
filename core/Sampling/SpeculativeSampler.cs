namespace Engine.Sampling;

/// <summary>
/// Rejection sampling of drafted tokens: what comes out is distributed exactly as if the target model had
/// sampled alone. Leviathan et al. 2023.
/// </summary>
/// <remarks>
/// A draft without probabilities (n-grams) need not come here to be exact: sample each position as usual
/// and go on while the sampled token is the drafted one. Then the output is even the same, token for token,
/// as without speculation.
/// </remarks>
internal static class SpeculativeSampler
{
    /// <summary>Accepts drafted tokens and draws the one that follows.</summary>
    /// <param name="draftTokens">[K].</param>
    /// <param name="target">[K + 1, vocabSize] probabilities, row i before token i.</param>
    /// <param name="draft">[K, vocabSize] probabilities the draft was drawn from; empty if there are none.</param>
    /// <param name="seed">The request's.</param>
    /// <param name="outputIndex">Which of its outputs.</param>
    /// <param name="position">Tokens of the output before the first drafted one.</param>
    /// <param name="scratch">[vocabSize].</param>
    /// <param name="output">[K + 1]: the accepted tokens and one more.</param>
    /// <returns>Tokens written: 1 .. K + 1.</returns>
    public static int Verify(
        ReadOnlySpan<int> draftTokens,
        ReadOnlySpan<float> target,
        ReadOnlySpan<float> draft,
        ulong seed,
        int outputIndex,
        int position,
        Span<float> scratch,
        Span<int> output)
    {
        int vocabSize = scratch.Length;
        int accepted = 0;
        while (accepted < draftTokens.Length)
        {
            double uniform = Philox.Uniforms(
                seed, outputIndex, position + accepted, DrawPurpose.Accept).First;
            ReadOnlySpan<float> p = target.Slice(accepted * vocabSize, vocabSize);
            ReadOnlySpan<float> q = draft.IsEmpty ? draft : draft.Slice(accepted * vocabSize, vocabSize);
            if (!Accepts(draftTokens[accepted], p, q, uniform))
            {
                Residual(draftTokens[accepted], p, q, scratch);
                break;
            }

            output[accepted] = draftTokens[accepted];
            accepted++;
        }

        if (accepted == draftTokens.Length)
        {
            target.Slice(accepted * vocabSize, vocabSize).CopyTo(scratch);
        }

        double last = Philox.Uniforms(
            seed, outputIndex, position + accepted, DrawPurpose.Recover).First;
        output[accepted] = Draw(scratch, last);
        return accepted + 1;
    }

    /// <summary>The same for greedy sampling: drafts are accepted as long as they are the best tokens.</summary>
    /// <param name="draftTokens">[K].</param>
    /// <param name="best">[K + 1] the target's best token at each position.</param>
    /// <param name="output">[K + 1].</param>
    /// <returns>Tokens written.</returns>
    public static int VerifyGreedy(
        ReadOnlySpan<int> draftTokens, ReadOnlySpan<int> best, Span<int> output)
    {
        int count = 0;
        while (true)
        {
            output[count] = best[count];
            count++;
            if (count > draftTokens.Length || draftTokens[count - 1] != best[count - 1])
            {
                return count;
            }
        }
    }

    /// <summary>Whether a drafted token is accepted: p / q is at least the uniform number.</summary>
    /// <param name="token">The drafted token.</param>
    /// <param name="p">[vocabSize] the target's probabilities.</param>
    /// <param name="q">[vocabSize] the draft's; empty counts as 1 on the token.</param>
    /// <param name="uniform">In [0, 1).</param>
    public static bool Accepts(int token, ReadOnlySpan<float> p, ReadOnlySpan<float> q, double uniform)
    {
        double drafted = q.IsEmpty ? 1.0 : q[token];
        return drafted > 0 && p[token] / drafted >= uniform;
    }

    /// <summary>What a rejected token's replacement is drawn from: max(p - q, 0), not normalised.</summary>
    public static void Residual(
        int token, ReadOnlySpan<float> p, ReadOnlySpan<float> q, Span<float> residual)
    {
        if (q.IsEmpty)
        {
            p.CopyTo(residual);
            residual[token] = 0;
        }
        else
        {
            for (int i = 0; i < p.Length; i++)
            {
                residual[i] = Math.Max(p[i] - q[i], 0f);
            }
        }

        // Nothing is left only if p equals q up to rounding, where a rejection hardly ever happens.
        if (!residual.ContainsAnyExcept(0f))
        {
            p.CopyTo(residual);
        }
    }

    /// <summary>Draws from weights that need not sum to 1; one without weight is never drawn.</summary>
    private static int Draw(ReadOnlySpan<float> weights, double uniform)
    {
        double total = 0;
        foreach (float weight in weights)
        {
            total += weight;
        }

        double target = uniform * total;
        double sum = 0;
        int last = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            if (weights[i] > 0)
            {
                last = i;
                sum += weights[i];
                if (sum > target)
                {
                    break;
                }
            }
        }

        return last;
    }
}
