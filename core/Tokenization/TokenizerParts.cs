using Engine.Tokenization.Decoders;
using Engine.Tokenization.Models;
using Engine.Tokenization.Normalizers;
using Engine.Tokenization.PostProcessors;
using Engine.Tokenization.PreTokenizers;

namespace Engine.Tokenization;

/// <summary>What a tokenizer is made of, whatever kind of file it came from.</summary>
internal sealed class TokenizerParts
{
    public required TokenModel Model { get; init; }

    public Normalizer? Normalizer { get; init; }

    public PreTokenizer? PreTokenizer { get; init; }

    public PostProcessor PostProcessor { get; set; } = PostProcessor.None;

    public Decoder? Decoder { get; init; }

    /// <summary>Ids of tokens that the model has too must be the model's.</summary>
    public List<AddedToken> AddedTokens { get; set; } = [];

    /// <summary>Ids that are special without being found in the text.</summary>
    public HashSet<int> SpecialIds { get; init; } = [];

    /// <summary>The layout lists no added tokens; the configuration's names are all there is.</summary>
    public bool NamesSpecialTokens { get; init; }

    /// <summary>Unless configured otherwise, bos goes first, or eos last where there is no bos.</summary>
    public bool AddsBosOrEos { get; init; }

    public TokenizerConfig Config { get; set; } = new();
}
