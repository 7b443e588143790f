using System.Text.Json;
using Engine.Tokenization.Decoders;
using Engine.Tokenization.Patterns;

namespace Engine.Tokenization.Files;

/// <summary>Reads the decoder of a tokenizer.json.</summary>
internal static class DecoderJson
{
    public static Decoder Read(JsonElement item)
    {
        string type = item.Text("type");
        switch (type)
        {
            case "Sequence":
                List<Decoder> items = [];
                foreach (JsonElement inner in item.Items("decoders"))
                {
                    Decoder one = Read(inner);
                    items.AddRange(one is DecoderSequence nested ? nested.Items : [one]);
                }

                return new DecoderSequence([.. items]);
            case "ByteLevel":
                return new ByteLevelDecoder();
            case "ByteFallback":
                return new ByteFallbackDecoder();
            case "Fuse":
                return new FuseDecoder();
            case "Strip":
                return new StripDecoder(
                    item.Character("content"), Count(item, "start"), Count(item, "stop"));
            case "Replace":
                Pattern pattern = NormalizerJson.ReadPattern(item, out string? literal);
                return new ReplaceDecoder(pattern, literal, item.Text("content"));
            case "Metaspace":
                return new MetaspaceDecoder(
                    item.Character("replacement", 0x2581), PreTokenizerJson.ReadScheme(item));
            case "WordPiece":
                return new WordPieceDecoder(
                    item.TextOrNull("prefix") ?? "##", item.Flag("cleanup", true));
            case "BPEDecoder":
                return new BpeDecoder(item.TextOrNull("suffix") ?? "</w>");
            case "CTC":
                return new CtcDecoder(
                    item.TextOrNull("pad_token") ?? "<pad>",
                    item.TextOrNull("word_delimiter_token") ?? "|", item.Flag("cleanup", true));
            default:
                throw new EngineException(
                    EngineStatus.Unsupported, $"decoder.type \"{type}\" is not known.");
        }
    }

    private static int Count(JsonElement item, string name) =>
        item.Number(name, 0) is int count and >= 0 ? count
            : throw JsonFile.Error($"{name}: expected 0 or more");
}
