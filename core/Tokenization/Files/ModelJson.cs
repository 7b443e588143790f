using System.Text.Json;
using Engine.Tokenization.Models;

namespace Engine.Tokenization.Files;

/// <summary>Reads the model of a tokenizer.json.</summary>
internal static class ModelJson
{
    /// <summary>Ids above would make the tables of tokens absurdly large.</summary>
    public const int MaxId = (1 << 24) - 1;

    public static TokenModel Read(JsonElement model)
    {
        string? type = model.TextOrNull("type");
        type ??= model.TryGet("merges", out _) ? "BPE"
            : model.TryGet("unk_id", out _) ? "Unigram"
            : model.TryGet("continuing_subword_prefix", out _) ? "WordPiece" : "WordLevel";
        return type switch
        {
            "BPE" => ReadBpe(model),
            "Unigram" => ReadUnigram(model),
            "WordPiece" => new WordPieceModel(
                ReadVocabulary(model.Required("vocab")),
                model.TextOrNull("unk_token") ?? "[UNK]",
                model.TextOrNull("continuing_subword_prefix") ?? "##",
                model.Number("max_input_chars_per_word", 100)),
            "WordLevel" => new WordLevelModel(
                ReadVocabulary(model.Required("vocab")), model.TextOrNull("unk_token") ?? "<unk>"),
            _ => throw new EngineException(
                EngineStatus.Unsupported, $"model.type \"{type}\" is not known."),
        };
    }

    public static void CheckId(int id, string token)
    {
        if (id is < 0 or > MaxId)
        {
            throw JsonFile.Error($"token \"{token}\": expected an id from 0 to {MaxId}, found {id}");
        }
    }

    public static Dictionary<string, int> ReadVocabulary(JsonElement vocabulary)
    {
        Dictionary<string, int> result = new(StringComparer.Ordinal);
        foreach (JsonProperty property in vocabulary.EnumerateObject())
        {
            int id = property.Value.GetInt32();
            string token = property.Name;
            CheckId(id, token);
            result[token] = id;
        }

        return result;
    }

    private static BpeModel ReadBpe(JsonElement model)
    {
        Dictionary<string, int> vocabulary = ReadVocabulary(model.Required("vocab"));
        BpeOptions options = new()
        {
            UnknownToken = model.TextOrNull("unk_token"),
            ContinuingPrefix = model.TextOrNull("continuing_subword_prefix") ?? "",
            WordSuffix = model.TextOrNull("end_of_word_suffix") ?? "",
            FuseUnknown = model.Flag("fuse_unk"),
            ByteFallback = model.Flag("byte_fallback"),
            IgnoreMerges = model.Flag("ignore_merges"),
        };
        JsonElement merges = model.Required("merges");
        MergeTable table = new(merges.GetArrayLength());
        MergeReader reader = new(vocabulary, table, options.ContinuingPrefix.Length);
        foreach (JsonElement merge in merges.EnumerateArray())
        {
            if (merge.ValueKind == JsonValueKind.String)
            {
                reader.Add(merge.GetString()!);
            }
            else if (merge.GetArrayLength() == 2)
            {
                reader.Add(merge[0].GetString() ?? "", merge[1].GetString() ?? "");
            }
            else
            {
                throw JsonFile.Error("model.merges: expected \"a b\" or [\"a\", \"b\"]");
            }
        }

        return new BpeModel(vocabulary, table, options);
    }

    private static UnigramModel ReadUnigram(JsonElement model)
    {
        List<(string, double)> pieces = [];
        foreach (JsonElement item in model.Items("vocab"))
        {
            string piece = item[0].GetString() ?? "";
            double score = item[1].GetDouble();
            if (!double.IsFinite(score))
            {
                throw JsonFile.Error($"model.vocab: the score of \"{piece}\" is not finite");
            }

            pieces.Add((piece, score));
        }

        int unknown = model.Number("unk_id", -1);
        if (unknown >= pieces.Count || pieces.Count == 0 || pieces.Count > MaxId)
        {
            throw JsonFile.Error(
                $"model.unk_id: expected an id below {pieces.Count}, found {unknown}");
        }

        return new UnigramModel(pieces, Math.Max(unknown, -1), model.Flag("byte_fallback"));
    }
}
