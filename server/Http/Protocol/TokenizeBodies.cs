using System.Text.Json;
using Engine.Server.Http.Json;
using Engine.Tokenization;

namespace Engine.Server.Http.Protocol;

/// <summary>The body of /detokenize; the command's --jsonl takes the same.</summary>
internal sealed record DetokenizeFields(int[] TokenIds, bool SkipSpecialTokens)
{
    /// <param name="body">{"tokens": [...], "skip_special_tokens": false}.</param>
    /// <param name="vocabSize">Ids at or above are refused.</param>
    public static DetokenizeFields Parse(JsonElement body, int vocabSize)
    {
        JsonElement tokens = Fields.GetArray(body, "tokens")
            ?? throw ApiException.BadRequest("tokens: a list of token ids is needed.", "tokens");
        return new DetokenizeFields(
            TokenIdList.Parse(tokens, vocabSize, "tokens"),
            Fields.GetBool(body, "skip_special_tokens") ?? false);
    }
}

/// <summary>Reads a list of token ids, each within the vocabulary.</summary>
internal static class TokenIdList
{
    public static int[] Parse(JsonElement list, int vocabSize, string name)
    {
        var ids = new int[list.GetArrayLength()];
        int i = 0;
        foreach (JsonElement item in list.EnumerateArray())
        {
            int id = Fields.ToInt(item, name);
            if (id < 0 || id >= vocabSize)
            {
                throw ApiException.BadRequest(
                    $"{name}: token id {id} is not in the vocabulary of {vocabSize}.", name);
            }

            ids[i++] = id;
        }

        return ids;
    }
}

/// <summary>The answers of /tokenize and /detokenize; the command's --jsonl gives the same.</summary>
internal static class TokenizeBodies
{
    public static void WriteDetokenized(Utf8JsonWriter json, string text)
    {
        json.WriteStartObject();
        json.WriteString("prompt", text);
        json.WriteEndObject();
    }

    /// <param name="json">Writes {"tokens", "count", ...}.</param>
    /// <param name="ids">The tokens.</param>
    /// <param name="maxModelLen">Left out if null: the command needs no model.</param>
    /// <param name="names">Names the tokens in "token_strs"; null leaves that null.</param>
    public static void WriteTokenized(Utf8JsonWriter json, int[] ids, int? maxModelLen, ITokenizer? names)
    {
        json.WriteStartObject();
        json.WriteNumber("count", ids.Length);
        if (maxModelLen is { } length)
        {
            json.WriteNumber("max_model_len", length);
        }

        json.WriteStartArray("tokens");
        foreach (int id in ids)
        {
            json.WriteNumberValue(id);
        }

        json.WriteEndArray();
        if (names is not null)
        {
            json.WriteStartArray("token_strs");
            foreach (int id in ids)
            {
                json.WriteStringValue(names.IdToToken(id) ?? "");
            }

            json.WriteEndArray();
        }
        else if (maxModelLen is not null)
        {
            json.WriteNull("token_strs");
        }

        json.WriteEndObject();
    }
}
