using System.Text.Json;
using Engine.Tokenization.Normalizers;
using Engine.Tokenization.Patterns;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.Files;

/// <summary>Reads the normalizer of a tokenizer.json.</summary>
internal static class NormalizerJson
{
    public static Normalizer Read(JsonElement item)
    {
        string type = item.Text("type");
        switch (type)
        {
            case "Sequence":
                List<Normalizer> items = [];
                foreach (JsonElement inner in item.Items("normalizers"))
                {
                    items.Add(Read(inner));
                }

                return new NormalizerSequence([.. items]);
            case "NFC" or "NFD" or "NFKC" or "NFKD":
                return new FormNormalizer(compatible: type[2] == 'K', compose: type[^1] == 'C');
            case "Lowercase":
                return new LowercaseNormalizer();
            case "Strip":
                return new StripNormalizer(
                    item.Flag("strip_left", true), item.Flag("strip_right", true));
            case "StripAccents":
                return MapNormalizer.StripAccents();
            case "Nmt":
                return MapNormalizer.Nmt();
            case "Prepend":
                return new PrependNormalizer(item.Text("prepend"));
            case "Replace":
                return new ReplaceNormalizer(ReadPattern(item, out _), item.Text("content"));
            case "BertNormalizer":
                bool lowercase = item.Flag("lowercase", true);
                return new BertNormalizer(
                    item.Flag("clean_text", true), item.Flag("handle_chinese_chars", true),
                    item.Flag("strip_accents", lowercase), lowercase);
            case "Precompiled":
                byte[] bytes = Convert.FromBase64String(item.Text("precompiled_charsmap"));
                return new PrecompiledNormalizer(CharsMap.TryParse(bytes)
                    ?? throw JsonFile.Error("precompiled_charsmap: not a table of rules"));
            case "ByteLevel":
                return new ByteLevelNormalizer();
            default:
                throw new EngineException(
                    EngineStatus.Unsupported, $"normalizer.type \"{type}\" is not known.");
        }
    }

    /// <summary>{"String": "..."} or {"Regex": "..."} under "pattern".</summary>
    public static Pattern ReadPattern(JsonElement item, out string? literal)
    {
        JsonElement pattern = item.Required("pattern");
        literal = pattern.ValueKind == JsonValueKind.String
            ? pattern.GetString() : pattern.TextOrNull("String");
        return literal is not null
            ? Pattern.FromLiteral(literal) : Pattern.FromRegex(pattern.Text("Regex"));
    }
}
