using Engine.Sampling;

namespace Engine.Speculation;

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
    /// it leaves most to copy).
    /// </summary>
    /// <param name="tokens">Prompt and output.</param>
    /// <param name="back">How far before the end what followed it begins.</param>
    /// <returns>Its size; 0 if nothing fits.</returns>
    public int Find(ReadOnlySpan<int> tokens, out int back)
    {
        ReadOnlySpan<int> matches = _suffixes.Of(tokens);
        int size = 0;
        back = 0;
        for (int k = 1; k < tokens.Length; k++)
        {
            int match = Math.Min(matches[k], _maxSize);
            if (match >= _minSize && match >= size)
            {
                (size, back) = (match, k);
            }
        }

        return size;
    }

    /// <summary>Drafts what followed: past the end of the history it goes on from what it copied, so that a short
    /// period fills a long draft.</summary>
    /// <param name="tokens">Prompt and output.</param>
    /// <param name="back">As Find gave it.</param>
    /// <param name="draft">Takes the drafted tokens; its length is the most wanted.</param>
    /// <returns>How many were drafted; 0 if nothing was found.</returns>
    public static int Copy(ReadOnlySpan<int> tokens, int back, Span<int> draft)
    {
        for (int i = 0; back > 0 && i < draft.Length; i++)
        {
            draft[i] = i < back ? tokens[tokens.Length - back + i] : draft[i - back];
        }

        return back > 0 ? draft.Length : 0;
    }
}
