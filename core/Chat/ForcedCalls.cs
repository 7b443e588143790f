using System.Text.Json;
using System.Text.Json.Nodes;

namespace Engine.Chat;

/// <summary>
/// What holds a model to calling tools: a JSON Schema, of a list of calls or of one call's arguments. The
/// output is then read with <see cref="ChatOutputOptions.IsCallList"/> or
/// <see cref="ChatOutputOptions.NamedTool"/>.
/// </summary>
public static class ForcedCalls
{
    private static readonly string[] DefinitionNames = ["$defs", "definitions"];

    /// <summary>The schema of the arguments of one tool.</summary>
    /// <param name="tools">The request's list of tools, in OpenAI's form.</param>
    /// <param name="name">One of them.</param>
    /// <exception cref="EngineException">InvalidArgument: the list has no such tool.</exception>
    public static string NamedSchema(JsonElement tools, string name)
    {
        foreach (JsonElement function in Functions(tools))
        {
            if (function.GetProperty("name").GetString() == name)
            {
                return Parameters(function) is { } parameters ? parameters.GetRawText() : "{\"type\":\"object\"}";
            }
        }

        throw EngineException.Invalid("tool_choice", $"names none of the tools, found \"{name}\"");
    }

    /// <summary>The schema of a list of at least one call {"name", "parameters"}.</summary>
    /// <param name="tools">The request's list of tools, in OpenAI's form.</param>
    /// <param name="isParallel">False allows one call alone.</param>
    /// <exception cref="EngineException">InvalidArgument: two tools define different things by one name.</exception>
    public static string ListSchema(JsonElement tools, bool isParallel)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("type", "array");
            json.WriteNumber("minItems", 1);
            if (!isParallel)
            {
                json.WriteNumber("maxItems", 1);
            }

            json.WriteStartObject("items");
            json.WriteStartArray("anyOf");
            foreach (JsonElement function in Functions(tools))
            {
                WriteCall(json, function);
            }

            json.WriteEndArray();
            json.WriteEndObject();
            WriteDefinitions(json, tools);
            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }

    private static void WriteCall(Utf8JsonWriter json, JsonElement function)
    {
        json.WriteStartObject();
        json.WriteString("type", "object");
        json.WriteStartObject("properties");
        json.WriteStartObject("name");
        json.WriteString("const", function.GetProperty("name").GetString());
        json.WriteEndObject();
        json.WriteStartObject("parameters");
        if (Parameters(function) is { } parameters)
        {
            foreach (JsonProperty member in parameters.EnumerateObject()
                .Where(member => !DefinitionNames.Contains(member.Name, StringComparer.Ordinal)))
            {
                member.WriteTo(json);
            }
        }
        else
        {
            json.WriteString("type", "object");
        }

        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartArray("required");
        json.WriteStringValue("name");
        json.WriteStringValue("parameters");
        json.WriteEndArray();
        json.WriteBoolean("additionalProperties", false);
        json.WriteEndObject();
    }

    // References begin at the root: what a tool defines there moves to the list's own root.
    private static void WriteDefinitions(Utf8JsonWriter json, JsonElement tools)
    {
        foreach (string place in DefinitionNames)
        {
            var all = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
            foreach (JsonElement function in Functions(tools))
            {
                if (Parameters(function) is not { } parameters
                    || !parameters.TryGetProperty(place, out JsonElement definitions)
                    || definitions.ValueKind != JsonValueKind.Object)
                {
                    continue;
                }

                foreach (JsonProperty definition in definitions.EnumerateObject())
                {
                    if (!all.TryAdd(definition.Name, definition.Value)
                        && !JsonElement.DeepEquals(all[definition.Name], definition.Value))
                    {
                        throw EngineException.Invalid(
                            "tools", $"two tools give different meanings to {place}/{definition.Name}");
                    }
                }
            }

            if (all.Count > 0)
            {
                json.WriteStartObject(place);
                foreach ((string name, JsonElement definition) in all)
                {
                    json.WritePropertyName(name);
                    definition.WriteTo(json);
                }

                json.WriteEndObject();
            }
        }
    }

    /// <summary>The schema of a tool's arguments, which are an object.</summary>
    internal static JsonObject ArgumentsSchema(JsonElement function)
    {
        JsonObject schema = Parameters(function) is { } parameters
            ? JsonNode.Parse(parameters.GetRawText())!.AsObject()
            : [];
        if (!schema.ContainsKey("type"))
        {
            schema["type"] = "object";
        }

        return schema;
    }

    /// <summary>The functions of a list of tools.</summary>
    internal static IEnumerable<JsonElement> Functions(JsonElement tools) => tools.EnumerateArray()
        .Select(tool => tool.TryGetProperty("function", out JsonElement function) ? function : tool);

    private static JsonElement? Parameters(JsonElement function) =>
        function.TryGetProperty("parameters", out JsonElement parameters)
            && parameters.ValueKind == JsonValueKind.Object ? parameters : null;
}
