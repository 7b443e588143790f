namespace Engine.Sampling;

/// <summary>How much of a history's end occurred before in it; linear in its length.</summary>
internal sealed class SuffixMatches
{
    private int[] _reversed;
    private int[] _matches;

    /// <param name="maxTokens">Histories up to this long cost no allocation.</param>
    public SuffixMatches(int maxTokens)
    {
        _reversed = new int[maxTokens + 1];
        _matches = new int[maxTokens + 1];
    }

    /// <summary>[tokens.Length + 1]; entry k: how many last tokens equal those that end k before the end.</summary>
    /// <remarks>The Z function of the reversed history. Entry 0 means nothing.</remarks>
    public ReadOnlySpan<int> Of(ReadOnlySpan<int> tokens)
    {
        int n = tokens.Length;
        if (_reversed.Length <= n)
        {
            int size = Math.Max(n + 1, 2 * _reversed.Length);
            _reversed = new int[size];
            _matches = new int[size];
        }

        Span<int> text = _reversed.AsSpan(0, n);
        tokens.CopyTo(text);
        text.Reverse();
        int left = 0;
        int right = 0;
        for (int k = 1; k < n; k++)
        {
            int length = k < right ? Math.Min(right - k, _matches[k - left]) : 0;
            while (k + length < n && text[length] == text[k + length])
            {
                length++;
            }

            _matches[k] = length;
            if (k + length > right)
            {
                (left, right) = (k, k + length);
            }
        }

        _matches[n] = 0;
        return _matches.AsSpan(0, n + 1);
    }
}
