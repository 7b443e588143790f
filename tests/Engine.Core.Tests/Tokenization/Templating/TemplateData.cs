using System.IO.Compression;
using System.Text.Json;
using Engine.Tokenization.Templating;

namespace Engine.Tests.Tokenization.Templating;

/// <summary>
/// The references of tests/data/chat-templates. ENGINE_CHAT_TEMPLATES names a folder with more snippets
/// (jinja.jsonl) to run as well.
/// </summary>
internal static class TemplateData
{
    public static DateTime DefaultNow { get; } = new(2026, 11, 20, 9, 5, 3);

    private static Stream Open(string name) => new GZipStream(
        File.OpenRead(Path.Combine(TestPaths.Data, "chat-templates", name + ".gz")),
        CompressionMode.Decompress);

    public static JsonElement Json(string name)
    {
        using Stream stream = Open(name);
        using JsonDocument document = JsonDocument.Parse(stream);
        return document.RootElement.Clone();
    }

    public static List<JsonElement> Lines(string name)
    {
        using var reader = new StreamReader(Open(name));
        return Parse(reader);
    }

    public static List<JsonElement> ExtraSnippets()
    {
        string? folder = Environment.GetEnvironmentVariable("ENGINE_CHAT_TEMPLATES");
        if (folder is null)
            return [];
        using var reader = new StreamReader(Path.Combine(folder, "jinja.jsonl"));
        return Parse(reader);
    }

    private static List<JsonElement> Parse(StreamReader reader)
    {
        var lines = new List<JsonElement>();
        while (reader.ReadLine() is string line)
        {
            using JsonDocument document = JsonDocument.Parse(line);
            lines.Add(document.RootElement.Clone());
        }

        return lines;
    }

    /// <summary>The input of a case, with the fields of the expected line in place of its own.</summary>
    public static ChatTemplateInput Input(JsonElement @case, JsonElement expected)
    {
        JsonElement with = expected.TryGetProperty("with", out JsonElement w) ? w : default;
        JsonElement Field(string name) =>
            with.ValueKind == JsonValueKind.Object && with.TryGetProperty(name, out JsonElement value) ? value
            : @case.TryGetProperty(name, out value) ? value : default;
        var variables = new Dictionary<string, JsonElement>();
        foreach (JsonElement source in new[] { @case, with })
        {
            if (source.ValueKind != JsonValueKind.Object
                || !source.TryGetProperty("kwargs", out JsonElement kwargs))
            {
                continue;
            }

            foreach (JsonProperty property in kwargs.EnumerateObject())
                variables[property.Name] = property.Value;
        }

        JsonElement go = Field("continue_final_message");
        JsonElement now = Field("now");
        return new ChatTemplateInput
        {
            Messages = Field("messages"),
            Tools = Field("tools"),
            Documents = Field("documents"),
            AddGenerationPrompt = Field("add_generation_prompt").ValueKind == JsonValueKind.True,
            ContinueFinalMessage = go.ValueKind == JsonValueKind.True ? "content"
                : go.ValueKind == JsonValueKind.String ? go.GetString() : null,
            Variables = JsonSerializer.SerializeToElement(variables),
            Now = now.ValueKind == JsonValueKind.String ? now.GetDateTime() : DefaultNow,
        };
    }
}
