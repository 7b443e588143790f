namespace Engine.Sampling;

/// <summary>A request's stop strings, ready to be looked for; shared by its outputs.</summary>
internal sealed class StopStrings
{
    private readonly int[][] _fallbacks;

    /// <param name="stops">Not empty each; in the order that decides between strings of equal end.</param>
    public StopStrings(IReadOnlyList<string>? stops)
    {
        Strings = stops is null ? [] : [.. stops];
        _fallbacks = Array.ConvertAll(Strings, FallbacksOf);
    }

    public string[] Strings { get; }

    public int Count => Strings.Length;

    /// <summary>
    /// How many characters of string [index] match once c follows a match of length. A full match falls
    /// back by itself with the next character.
    /// </summary>
    public int Advance(int index, int length, char c)
    {
        string text = Strings[index];
        int[] fallbacks = _fallbacks[index];
        if (length == text.Length)
        {
            length = fallbacks[length];
        }

        while (length > 0 && text[length] != c)
        {
            length = fallbacks[length];
        }

        return text[length] == c ? length + 1 : 0;
    }

    /// <summary>The longest match that a full match of string [index] still leaves open.</summary>
    public int AfterFullMatch(int index) => _fallbacks[index][Strings[index].Length];

    /// <summary>Entry k: the longest proper prefix that also ends the first k characters.</summary>
    /// <remarks>Knuth, Morris and Pratt 1977.</remarks>
    private static int[] FallbacksOf(string text)
    {
        int[] fallbacks = new int[text.Length + 1];
        int length = 0;
        for (int k = 2; k <= text.Length; k++)
        {
            while (length > 0 && text[length] != text[k - 1])
            {
                length = fallbacks[length];
            }

            length += text[length] == text[k - 1] ? 1 : 0;
            fallbacks[k] = length;
        }

        return fallbacks;
    }
}
