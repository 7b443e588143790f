using System.Text.Json;
using Engine.Pooling;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Pooling;

/// <summary>The frame of the answers: id, model, data, usage.</summary>
internal static class PoolingAnswer
{
    /// <summary>Writes a list with one entry per result.</summary>
    /// <param name="context">The request.</param>
    /// <param name="idPrefix">"embd", "score", ...</param>
    /// <param name="model">The name that was served.</param>
    /// <param name="results">Whose tokens are counted.</param>
    /// <param name="count">Entries.</param>
    /// <param name="writeEntry">Writes the members of entry i.</param>
    public static Task WriteListAsync(
        HttpContext context, string idPrefix, string model, IReadOnlyList<PoolingResult> results, int count,
        Action<Utf8JsonWriter, int> writeEntry) => JsonResponse.WriteAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteString("id", $"{idPrefix}-{context.TraceIdentifier}");
            json.WriteString("object", "list");
            json.WriteNumber("created", DateTimeOffset.UtcNow.ToUnixTimeSeconds());
            json.WriteString("model", model);
            json.WriteStartArray("data");
            for (int i = 0; i < count; i++)
            {
                json.WriteStartObject();
                json.WriteNumber("index", i);
                writeEntry(json, i);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            WriteUsage(json, results);
            json.WriteEndObject();
        });

    public static void WriteUsage(Utf8JsonWriter json, IReadOnlyList<PoolingResult> results)
    {
        int numTokens = results.Sum(result => result.NumTokens);
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", numTokens);
        json.WriteNumber("total_tokens", numTokens);
        json.WriteNumber("completion_tokens", 0);
        json.WriteNull("prompt_tokens_details");
        json.WriteEndObject();
    }

    public static void WriteNumbers(Utf8JsonWriter json, string name, ReadOnlySpan<float> values)
    {
        json.WriteStartArray(name);
        foreach (float value in values) json.WriteNumberValue(value);
        json.WriteEndArray();
    }
}
