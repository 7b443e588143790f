using System.Runtime.CompilerServices;
using Engine.Tokenization;

namespace Engine.Sampling;

/// <summary>
/// DRY's sequence breakers as id sequences: a token that contains the breaker, or one that ends in the
/// beginning of it, followed by the tokens of the rest. The meaning is llama.cpp's.
/// </summary>
internal static class DryBreakers
{
    private const int MaxTailTokens = 20;

    private static readonly string[] Defaults = ["\n", ":", "\"", "*"];

    // Texts of single tokens cost a pass over the vocabulary, so they are kept as long as their tokenizer.
    private static readonly ConditionalWeakTable<ITokenizer, string[]> Vocabularies = [];

    /// <summary>Id sequences of breaker texts; null is the defaults.</summary>
    public static int[][] Find(IReadOnlyList<string>? breakers, ITokenizer? tokenizer)
    {
        if (tokenizer is null)
        {
            return breakers is null or { Count: 0 }
                ? []
                : throw EngineException.Invalid(
                    "dry_sequence_breakers", "needs a tokenizer, and this model has none");
        }

        string[] vocabulary = Vocabularies.GetValue(tokenizer, TextsOf);
        var found = new List<int[]>();
        foreach (string breaker in breakers ?? Defaults)
        {
            FindOne(breaker, vocabulary, tokenizer, found);
        }

        return [.. found];
    }

    private static string[] TextsOf(ITokenizer tokenizer)
    {
        string[] texts = new string[tokenizer.VocabSize];
        for (int id = 0; id < texts.Length; id++)
        {
            texts[id] = tokenizer.Decode([id], skipSpecialTokens: false);
        }

        return texts;
    }

    private static void FindOne(
        string breaker, string[] vocabulary, ITokenizer tokenizer, List<int[]> found)
    {
        for (int id = 0; id < vocabulary.Length; id++)
        {
            string text = vocabulary[id];
            if (text.Contains(breaker, StringComparison.Ordinal))
            {
                found.Add([id]);
                continue;
            }

            int most = Math.Min(text.Length, breaker.Length - 1);
            for (int length = 1; length <= most; length++)
            {
                if (text.EndsWith(breaker[..length], StringComparison.Ordinal))
                {
                    int[] tail = tokenizer.Encode(breaker[length..], addSpecialTokens: false);
                    found.Add([id, .. tail.AsSpan(0, Math.Min(tail.Length, MaxTailTokens))]);
                }
            }
        }
    }
}
