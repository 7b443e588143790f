using System.Text.Json;

namespace Engine.Tokenization.Templating;

/// <summary>Finds the chat templates of a model folder.</summary>
public static class ChatTemplateLoader
{
    private const long FileBytesMax = 64 << 20;

    /// <summary>
    /// The templates of a folder by name ("default", "tool_use", ...), from chat_template.jinja and the
    /// files in additional_chat_templates, else chat_template.json, else the chat_template of
    /// tokenizer_config.json, which is text or a list of named templates. Empty if there is none.
    /// </summary>
    /// <param name="folder">The model folder.</param>
    /// <param name="limits">Limits of parsing and rendering; null means the defaults.</param>
    /// <exception cref="EngineException">A file is not what it should be; the message names it.</exception>
    public static IReadOnlyDictionary<string, ChatTemplate> LoadAll(
        string folder, TemplateLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return Parse(Sources(folder), limits);
    }

    /// <summary>The templates of a file that holds them by name.</summary>
    internal static IReadOnlyDictionary<string, ChatTemplate> Parse(
        string file, IReadOnlyDictionary<string, string> sources) =>
        Parse(sources.ToDictionary(s => s.Key, s => (file, s.Value)), null);

    private static Dictionary<string, ChatTemplate> Parse(
        Dictionary<string, (string File, string Source)> sources, TemplateLimits? limits)
    {
        var templates = new Dictionary<string, ChatTemplate>();
        foreach ((string name, (string file, string source)) in sources)
        {
            try
            {
                templates[name] = ChatTemplate.Parse(source, limits);
            }
            catch (TemplateException e)
            {
                throw EngineException.Corrupt(
                    file, $"chat template \"{name}\", line {e.Line}: {e.Kind}: {e.Message}", e);
            }
        }

        return templates;
    }

    /// <summary>The default template of a folder, or null if it has none.</summary>
    /// <param name="folder">The model folder.</param>
    /// <param name="limits">Limits of parsing and rendering; null means the defaults.</param>
    /// <exception cref="EngineException">A file is not what it should be; the message names it.</exception>
    public static ChatTemplate? Load(string folder, TemplateLimits? limits = null)
    {
        IReadOnlyDictionary<string, ChatTemplate> all = LoadAll(folder, limits);
        if (all.TryGetValue("default", out ChatTemplate? template))
            return template;
        return all.Count == 1 ? all.Values.First() : null;
    }

    private static Dictionary<string, (string File, string Source)> Sources(string folder)
    {
        var sources = new Dictionary<string, (string, string)>();
        string more = Path.Combine(folder, "additional_chat_templates");
        if (Directory.Exists(more))
        {
            foreach (string file in Directory.GetFiles(more, "*.jinja").Order(StringComparer.Ordinal))
                sources[Path.GetFileNameWithoutExtension(file)] = (file, Read(file));
        }

        string jinja = Path.Combine(folder, "chat_template.jinja");
        if (File.Exists(jinja))
            sources["default"] = (jinja, Read(jinja));
        if (sources.Count > 0)
            return sources;
        foreach (string name in new[] { "chat_template.json", "tokenizer_config.json" })
        {
            string path = Path.Combine(folder, name);
            if (File.Exists(path))
                FromJson(path, sources);
            if (sources.Count > 0)
                break;
        }

        return sources;
    }

    private static string Read(string file)
    {
        if (new FileInfo(file).Length > FileBytesMax)
            throw EngineException.Corrupt(file, $"a file of at most {FileBytesMax} bytes is expected");
        return File.ReadAllText(file);
    }

    private static void FromJson(string file, Dictionary<string, (string, string)> sources)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(Read(file), new JsonDocumentOptions { MaxDepth = 256 });
            JsonElement root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object
                && root.TryGetProperty("chat_template", out JsonElement template))
            {
                AddTemplates(file, template, sources);
            }
        }
        catch (JsonException e)
        {
            throw EngineException.Corrupt(file, "JSON expected: " + e.Message, e);
        }
    }

    private static void AddTemplates(
        string file, JsonElement template, Dictionary<string, (string, string)> sources)
    {
        switch (template.ValueKind)
        {
            case JsonValueKind.Null:
                return;
            case JsonValueKind.String:
                sources["default"] = (file, template.GetString()!);
                return;
            case JsonValueKind.Array:
                foreach (JsonElement item in template.EnumerateArray())
                    sources[Text(file, item, "name")] = (file, Text(file, item, "template"));
                return;
            case JsonValueKind.Object:
                foreach (JsonProperty item in template.EnumerateObject())
                {
                    if (item.Value.ValueKind != JsonValueKind.String)
                        throw EngineException.Corrupt(file, $"chat_template.{item.Name}: text expected");
                    sources[item.Name] = (file, item.Value.GetString()!);
                }

                return;
            default:
                throw EngineException.Corrupt(
                    file, $"chat_template: text or a list expected, found {template.ValueKind}");
        }
    }

    private static string Text(string file, JsonElement item, string field) =>
        item.ValueKind == JsonValueKind.Object && item.TryGetProperty(field, out JsonElement value)
        && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw EngineException.Corrupt(file, $"chat_template[].{field}: text expected");
}
