namespace Engine.Sampling;

/// <summary>What changes logits before the choice, in vLLM's order; each leaves the rest alone.</summary>
internal static class LogitsProcessors
{
    /// <summary>Masks that end an output in certain words.</summary>
    /// <param name="row">The logits.</param>
    /// <param name="badWords">The last id is masked when the output ends in the ids before it.</param>
    /// <param name="output">The output's tokens; the prompt does not count.</param>
    public static void MaskBadWords(RowEditor row, int[][] badWords, ReadOnlySpan<int> output)
    {
        foreach (int[] word in badWords)
        {
            if (output.EndsWith(word.AsSpan(0, word.Length - 1)))
            {
                row.Mask(word[^1]);
            }
        }
    }

    /// <summary>Masks tokens that would complete an n-gram a second time.</summary>
    /// <param name="row">The logits.</param>
    /// <param name="size">n, at least 1.</param>
    /// <param name="tokens">Prompt and output.</param>
    /// <param name="suffixes">Scratch.</param>
    public static void MaskRepeatedNgrams(
        RowEditor row, int size, ReadOnlySpan<int> tokens, SuffixMatches suffixes)
    {
        if (tokens.Length < size)
        {
            return;
        }

        ReadOnlySpan<int> matches = suffixes.Of(tokens);
        for (int k = 1; k <= tokens.Length; k++)
        {
            if (matches[k] >= size - 1)
            {
                row.Mask(tokens[^k]);
            }
        }
    }

    /// <summary>Adds to logits; excluded tokens stay excluded.</summary>
    public static void AddBias(RowEditor row, ReadOnlySpan<int> ids, ReadOnlySpan<float> values)
    {
        for (int i = 0; i < ids.Length && ids[i] < row.Length; i++)
        {
            row.Set(ids[i], row[ids[i]] + values[i]);
        }
    }

    /// <summary>Repetition (prompt and output), frequency and presence (output) penalties.</summary>
    public static void Penalize(RowEditor row, SamplingParams p, TokenCounts counts)
    {
        ReadOnlySpan<int> ids = counts.Ids;
        ReadOnlySpan<int> outputCounts = counts.OutputCounts;
        ReadOnlySpan<bool> inPrompt = counts.InPrompt;
        for (int i = 0; i < ids.Length; i++)
        {
            int id = ids[i];
            int count = outputCounts[i];
            if ((uint)id >= (uint)row.Length || (count == 0 && !inPrompt[i]))
            {
                continue;
            }

            double x = row[id];
            x = x > 0 ? x / p.RepetitionPenalty : x * p.RepetitionPenalty;
            if (count > 0)
            {
                x -= (double)p.FrequencyPenalty * count;
                x -= p.PresencePenalty;
            }

            row.Set(id, (float)x);
        }
    }
}
