using Engine.Chat;

namespace Engine.Tokenization;

/// <summary>Text to ids and back. Implementations are immutable and safe for concurrent use.</summary>
public interface ITokenizer
{
    /// <summary>Largest id + 1, added tokens included.</summary>
    int VocabSize { get; }

    /// <summary>Ids of a text. Never throws on any UTF-16 input; lone surrogates become U+FFFD.</summary>
    /// <param name="text">The text.</param>
    /// <param name="addSpecialTokens">Applies the post-processor (bos, [CLS], ...).</param>
    int[] Encode(string text, bool addSpecialTokens = true);

    /// <summary>Text of ids. Ids outside the vocabulary contribute nothing.</summary>
    string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true);

    /// <summary>The id of a token in the vocabulary (as spelled in the file), or -1.</summary>
    int TokenToId(string token);

    /// <summary>The token as spelled in the file, or null.</summary>
    string? IdToToken(int id);

    /// <summary>True for an added token flagged special.</summary>
    bool IsSpecial(int id);

    /// <summary>What only a chat template may write.</summary>
    ControlTokens ControlTokens => ControlTokens.None;

    /// <summary>Ids of a prompt in which control tokens over some positions are plain text.</summary>
    /// <param name="text">The prompt.</param>
    /// <param name="cuts">
    /// Positions in UTF-16, ascending, as <see cref="Templating.ChatTemplateResult"/> has them.
    /// </param>
    /// <param name="addSpecialTokens">Applies the post-processor (bos, [CLS], ...).</param>
    int[] EncodePrompt(string text, IReadOnlyList<int> cuts, bool addSpecialTokens) =>
        Encode(text, addSpecialTokens);

    /// <summary>A detokenizer for one output stream.</summary>
    IIncrementalDetokenizer CreateDetokenizer(bool skipSpecialTokens);
}

/// <summary>
/// Turns ids into text one by one. Never emits half a character, never takes text back;
/// allocates only the strings that it returns.
/// </summary>
public interface IIncrementalDetokenizer
{
    /// <summary>Adds a token and returns the text that became final (often empty).</summary>
    string Append(int id);

    /// <summary>Returns what is still held back at the end of the output.</summary>
    string Flush();
}
