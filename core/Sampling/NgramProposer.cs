namespace Engine.Sampling;

/// <summary>
/// Drafts without a model (prompt lookup): what followed the last tokens when they occurred before.
/// Linear in the history. One per thread.
/// </summary>
internal sealed class NgramProposer
{
    private readonly int _minSize;
    private readonly int _maxSize;
    private readonly SuffixMatches _suffixes;

    /// <param name="minSize">Shortest n-gram that counts, at least 1.</param>
    /// <param name="maxSize">Longest n-gram told apart.</param>
    /// <param name="maxModelLen">Histories up to this long cost no allocation.</param>
    public NgramProposer(int minSize, int maxSize, int maxModelLen)
    {
        if (minSize < 1 || maxSize < minSize)
        {
            throw EngineException.Invalid(
                "prompt_lookup_max", $"n-grams of {minSize} to {maxSize} tokens are none");
        }

        _minSize = minSize;
        _maxSize = maxSize;
        _suffixes = new SuffixMatches(maxModelLen);
    }

    /// <summary>
    /// Finds the longest n-gram at the end that occurred before, the earliest of equal ones (as vLLM does:
    /// it leaves most to copy), and drafts the tokens that followed it.
    /// </summary>
    /// <param name="tokens">Prompt and output.</param>
    /// <param name="draft">Takes the drafted tokens; its length is the most wanted.</param>
    /// <returns>How many were drafted; 0 if nothing fits.</returns>
    public int Propose(ReadOnlySpan<int> tokens, Span<int> draft)
    {
        ReadOnlySpan<int> matches = _suffixes.Of(tokens);
        int size = 0;
        int back = 0;
        for (int k = 1; k < tokens.Length; k++)
        {
            int match = Math.Min(matches[k], _maxSize);
            if (match >= _minSize && match >= size)
            {
                (size, back) = (match, k);
            }
        }

        int count = Math.Min(back, draft.Length);
        tokens.Slice(tokens.Length - back, count).CopyTo(draft);
        return count;
    }
}
