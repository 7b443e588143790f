using Engine.Tokenization.Patterns;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.PreTokenizers;

/// <summary>One rule that cuts words into smaller ones (pre_tokenizer of tokenizer.json).</summary>
internal abstract class PreTokenizer
{
    /// <summary>True if the rule asks where in the original text a word lies.</summary>
    public virtual bool NeedsAlignment => false;

    public abstract void Apply(PreTokens tokens);
}

/// <summary>Rules one after another.</summary>
internal sealed class PreTokenizerSequence(PreTokenizer[] items) : PreTokenizer
{
    public PreTokenizer[] Items => items;

    public override bool NeedsAlignment => Array.Exists(items, item => item.NeedsAlignment);

    public override void Apply(PreTokens tokens)
    {
        foreach (PreTokenizer item in items)
        {
            item.Apply(tokens);
        }
    }
}

/// <summary>Cuts at a pattern.</summary>
internal sealed class SplitPreTokenizer(Pattern pattern, SplitBehavior behavior, bool invert)
    : PreTokenizer
{
    public override void Apply(PreTokens tokens) => tokens.Split(pattern, behavior, invert);
}

/// <summary>Cuts at single characters: Digits, Punctuation, WhitespaceSplit and their like.</summary>
internal sealed class CharacterPreTokenizer(Func<int, bool> isMatch, SplitBehavior behavior)
    : PreTokenizer
{
    public override void Apply(PreTokens tokens) => tokens.Split(isMatch, behavior);
}

/// <summary>Words of a fixed number of characters.</summary>
internal sealed class FixedLengthPreTokenizer(int length) : PreTokenizer
{
    public override void Apply(PreTokens tokens)
    {
        tokens.BeginWords();
        foreach ((int start, int end) in tokens.Words)
        {
            for (int at = start; at < end; at += length)
            {
                tokens.AddWord(at, Math.Min(end, at + Math.Min(length, end - at)));
            }
        }

        tokens.CommitWords();
    }
}

/// <summary>
/// Writes each word's UTF-8 bytes in the byte alphabet, after cutting by GPT-2's pattern if asked.
/// </summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool useRegex) : PreTokenizer
{
    public const string Gpt2 =
        @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private static readonly Pattern Words = Pattern.FromRegex(Gpt2);

    public override void Apply(PreTokens tokens)
    {
        ApplySplit(tokens);
        NormalizedText text = tokens.Text;
        Span<byte> utf8 = stackalloc byte[4];
        text.Begin();
        tokens.BeginWords();
        foreach ((int start, int end) in tokens.Words)
        {
            int from = text.NewLength;
            for (int i = start; i < end; i++)
            {
                int n = CodePoints.EncodeUtf8(text.Codes[i], utf8);
                for (int b = 0; b < n; b++)
                {
                    text.Emit(ByteAlphabet.ToChar(utf8[b]), i);
                }
            }

            tokens.AddWord(from, text.NewLength);
        }

        text.Commit();
        tokens.CommitWords();
    }

    /// <summary>All but the writing in the byte alphabet.</summary>
    public void ApplySplit(PreTokens tokens)
    {
        if (addPrefixSpace)
        {
            AddPrefix(tokens);
        }

        if (useRegex)
        {
            tokens.Split(Words, SplitBehavior.Isolated, invert: false);
        }
    }

    private static void AddPrefix(PreTokens tokens)
    {
        NormalizedText text = tokens.Text;
        text.Begin();
        tokens.BeginWords();
        foreach ((int start, int end) in tokens.Words)
        {
            int from = text.NewLength;
            if (text.Codes[start] != ' ')
            {
                text.Emit(' ', start);
            }

            text.Keep(start, end);
            tokens.AddWord(from, text.NewLength);
        }

        text.Commit();
        tokens.CommitWords();
    }
}
