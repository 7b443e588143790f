using System.Text.Json;
using Engine.Tokenization.PostProcessors;

namespace Engine.Tokenization.Files;

/// <summary>Reads tokenizer.json.</summary>
internal static class TokenizerJson
{
    /// <param name="json">The file's content.</param>
    /// <param name="file">The file's name, for errors.</param>
    public static TokenizerParts Parse(ReadOnlyMemory<byte> json, string file) =>
        JsonFile.Parse(json, file, Read);

    private static TokenizerParts Read(JsonElement root)
    {
        TokenizerParts parts = new()
        {
            Model = ModelJson.Read(root.Required("model")),
            Normalizer = root.TryGet("normalizer", out JsonElement n) ? NormalizerJson.Read(n) : null,
            PreTokenizer = root.TryGet("pre_tokenizer", out JsonElement p)
                ? PreTokenizerJson.Read(p) : null,
            PostProcessor = root.TryGet("post_processor", out JsonElement o)
                ? PostProcessorJson.Read(o) : PostProcessor.None,
            Decoder = root.TryGet("decoder", out JsonElement d) ? DecoderJson.Read(d) : null,
        };
        if (root.TryGet("added_tokens", out _))
        {
            foreach (JsonElement item in root.Items("added_tokens"))
            {
                AddToken(parts, ReadAddedToken(item, item.Number("id", -1)));
            }
        }

        return parts;
    }

    /// <summary>Reads the flags of an added token.</summary>
    public static AddedToken ReadAddedToken(JsonElement item, int id) => new(id, item.Text("content"))
    {
        Special = item.Flag("special"),
        LStrip = item.Flag("lstrip"),
        RStrip = item.Flag("rstrip"),
        SingleWord = item.Flag("single_word"),
        Normalized = item.Flag("normalized", otherwise: !item.Flag("special")),
    };

    /// <summary>Adds a token under the model's id if it has one, else its own.</summary>
    public static void AddToken(TokenizerParts parts, AddedToken token)
    {
        if (token.Content.Length == 0)
        {
            return;
        }

        int id = parts.Model.Vocabulary.TryGetValue(token.Content, out int known) ? known : token.Id;
        ModelJson.CheckId(id, token.Content);
        parts.AddedTokens.Add(token with { Id = id });
    }
}
