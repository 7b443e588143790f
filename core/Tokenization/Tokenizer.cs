using Engine.Chat;
using Engine.Tokenization.Decoders;
using Engine.Tokenization.Models;
using Engine.Tokenization.PostProcessors;
using Engine.Tokenization.Text;

namespace Engine.Tokenization;

/// <summary>
/// A tokenizer as tokenizer.json describes it: added tokens, normalizer, pre-tokenizer, model,
/// post-processor, decoder. TokenizerLoader makes one of any supported file.
/// </summary>
public sealed class Tokenizer : ITokenizer
{
    private readonly TokenizerPipeline _pipeline;
    private readonly Decoder? _decoder;
    private readonly string?[] _tokens;
    private readonly bool[] _special;
    private readonly string?[] _decodable;
    private readonly bool[] _skippable;
    private readonly Dictionary<string, int> _addedIds = [];
    private readonly IReadOnlyDictionary<string, int> _vocabulary;

    internal Tokenizer(TokenizerParts parts)
    {
        _vocabulary = parts.Model.Vocabulary;
        _decoder = parts.Decoder;
        Config = parts.Config;
        AddedTokens = parts.AddedTokens;
        int size = 0;
        foreach (int id in _vocabulary.Values)
        {
            size = Math.Max(size, id + 1);
        }

        foreach (AddedToken token in AddedTokens)
        {
            size = Math.Max(size, token.Id + 1);
        }

        _tokens = new string?[size];
        _special = new bool[size];
        foreach ((string token, int id) in _vocabulary)
        {
            _tokens[id] = token;
        }

        foreach (AddedToken token in AddedTokens)
        {
            _tokens[token.Id] = token.Content;
            _special[token.Id] |= token.Special;
            _addedIds[token.Content] = token.Id;
        }

        foreach (int id in parts.SpecialIds)
        {
            _special[id] = true;
        }

        _pipeline = new TokenizerPipeline(parts, _tokens, _special);
        (_decodable, _skippable) = MakeDecodable(parts);
        ControlTokens = new ControlTokens(Enumerable.Range(0, size)
            .Where(id => _special[id]).Select(id => _tokens[id]).OfType<string>());
        Streaming = StreamingTable.Create(parts.Decoder, _decodable);
    }

    /// <summary>What the configuration files say.</summary>
    public TokenizerConfig Config { get; }

    /// <inheritdoc/>
    public ControlTokens ControlTokens { get; }

    /// <summary>The tokens found in the text itself.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; }

    /// <inheritdoc/>
    public int VocabSize => _tokens.Length;

    /// <summary>Id of the configured bos token, or -1.</summary>
    public int BosTokenId => IdOrNone(Config.BosToken);

    /// <summary>Id of the configured eos token, or -1.</summary>
    public int EosTokenId => IdOrNone(Config.EosToken);

    /// <summary>Id of the configured pad token, or -1.</summary>
    public int PadTokenId => IdOrNone(Config.PadToken);

    /// <summary>Id of the configured unknown token, or -1.</summary>
    public int UnkTokenId => IdOrNone(Config.UnkToken);

    internal StreamingTable Streaming { get; }

    /// <inheritdoc/>
    public int[] Encode(string text, bool addSpecialTokens = true) =>
        Encode(text, addSpecialTokens, parseSpecialTokens: true);

    /// <summary>Ids of a text.</summary>
    /// <param name="text">The text; any UTF-16, lone surrogates become U+FFFD.</param>
    /// <param name="addSpecialTokens">Applies the post-processor (bos, [CLS], ...).</param>
    /// <param name="parseSpecialTokens">
    /// False takes special tokens written in the text as plain text, so that what a user types
    /// never becomes a control token.
    /// </param>
    public int[] Encode(string text, bool addSpecialTokens, bool parseSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(text);
        return _pipeline.EncodeIds(text, addSpecialTokens, !parseSpecialTokens, []);
    }

    /// <inheritdoc/>
    public int[] EncodePrompt(string text, IReadOnlyList<int> cuts, bool addSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(cuts);
        return _pipeline.EncodeIds(text, addSpecialTokens, plainSpecial: false, cuts);
    }

    /// <summary>Ids of a text in which nothing is taken for a special token.</summary>
    public int[] EncodePlain(string text, bool addSpecialTokens = false) =>
        Encode(text, addSpecialTokens, parseSpecialTokens: false);

    /// <summary>Tokens of a text with where they lie in it.</summary>
    public TokenEncoding EncodeWithOffsets(
        string text, bool addSpecialTokens = true, bool parseSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        return _pipeline.Encode(text, null, addSpecialTokens, !parseSpecialTokens, 0);
    }

    /// <summary>Tokens of one or two texts, as encoders and scoring models take them.</summary>
    /// <param name="first">The first text.</param>
    /// <param name="second">The second text, or null.</param>
    /// <param name="addSpecialTokens">Applies the post-processor.</param>
    /// <param name="maxLength">
    /// Cuts the longer text first until all fits ("longest_first"); 0 is no limit.
    /// </param>
    public TokenEncoding EncodePair(
        string first, string? second, bool addSpecialTokens = true, int maxLength = 0)
    {
        ArgumentNullException.ThrowIfNull(first);
        return _pipeline.Encode(first, second, addSpecialTokens, plainSpecial: false, maxLength);
    }

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        List<string> tokens = new(ids.Length);
        foreach (int id in ids)
        {
            if ((uint)id < (uint)_decodable.Length && _decodable[id] is string token
                && !(skipSpecialTokens && _skippable[id]))
            {
                tokens.Add(token);
            }
        }

        return _decoder is null ? string.Join(' ', tokens)
            : tokens.Count == 0 ? "" : string.Concat(_decoder.Apply(tokens));
    }

    /// <inheritdoc/>
    public int TokenToId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return _addedIds.TryGetValue(token, out int id) || _vocabulary.TryGetValue(token, out id)
            ? id : -1;
    }

    /// <inheritdoc/>
    public string? IdToToken(int id) => (uint)id < (uint)_tokens.Length ? _tokens[id] : null;

    /// <inheritdoc/>
    public bool IsSpecial(int id) => (uint)id < (uint)_special.Length && _special[id];

    /// <inheritdoc/>
    public IIncrementalDetokenizer CreateDetokenizer(bool skipSpecialTokens) =>
        Streaming.Create(this, skipSpecialTokens);

    /// <summary>True if Decode leaves the id out when special tokens are skipped.</summary>
    internal bool IsSkipped(int id) => (uint)id < (uint)_skippable.Length && _skippable[id];

    // An added token that is searched in normalized text is also decoded as normalized; special
    // means that this spelling is one of a special token (as the tokenizers library has it).
    private (string?[] Decodable, bool[] Skippable) MakeDecodable(TokenizerParts parts)
    {
        string?[] decodable = [.. _tokens];
        bool[] skippable = new bool[decodable.Length];
        HashSet<string> special = [];
        NormalizedText text = new();
        foreach (AddedToken token in AddedTokens)
        {
            _ = token.Special && special.Add(token.Content);
            if (token.Normalized && parts.Normalizer is not null)
            {
                text.Load(CodePoints.FromUtf16(token.Content), 0, tracked: false);
                parts.Normalizer.Apply(text);
                decodable[token.Id] = CodePoints.ToUtf16(text.Codes);
            }
        }

        foreach (int id in parts.SpecialIds)
        {
            skippable[id] = true;
        }

        foreach (AddedToken token in AddedTokens)
        {
            skippable[token.Id] = special.Contains(decodable[token.Id]!);
        }

        return (decodable, skippable);
    }

    private int IdOrNone(string? token) => token is null ? -1 : TokenToId(token);
}
