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

    public TokenizerConfig Config { get; set; } = new();
}
