namespace Engine.Sampling;

/// <summary>Tokens that what has been said excludes.</summary>
internal static class LogitsProcessors
{
    /// <summary>Masks that end an output in certain words.</summary>
    /// <param name="row">The logits.</param>
    /// <param name="badWords">The last id is masked when the output ends in the ids before it.</param>
    /// <param name="output">The output's tokens; the prompt does not count.</param>
    public static void MaskBadWords<T>(T row, int[][] badWords, ReadOnlySpan<int> output)
        where T : IRowEdits, allows ref struct
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
    public static void MaskRepeatedNgrams<T>(
        T row, int size, ReadOnlySpan<int> tokens, SuffixMatches suffixes)
        where T : IRowEdits, allows ref struct
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
}
