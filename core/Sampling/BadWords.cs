using Engine.Tokenization;

namespace Engine.Sampling;

/// <summary>Bad words as id sequences, as vLLM makes them.</summary>
internal static class BadWords
{
    /// <summary>
    /// Each word is encoded without and with a space before it; the second counts if it differs in its
    /// first token and is as long.
    /// </summary>
    public static int[][] Encode(IReadOnlyList<string>? words, ITokenizer? tokenizer)
    {
        if (words is null || words.Count == 0)
        {
            return [];
        }

        if (tokenizer is null)
        {
            throw EngineException.Invalid("bad_words", "needs a tokenizer, and this model has none");
        }

        var sequences = new List<int[]>(words.Count * 2);
        foreach (string word in words)
        {
            string bare = word.TrimStart();
            int[] plain = tokenizer.Encode(bare, addSpecialTokens: false);
            int[] spaced = tokenizer.Encode(" " + bare, addSpecialTokens: false);
            if (plain.Length > 0)
            {
                sequences.Add(plain);
            }

            if (spaced.Length > 0 && spaced.Length == plain.Length && spaced[0] != plain[0])
            {
                sequences.Add(spaced);
            }
        }

        return [.. sequences];
    }
}
