using System.Text;
using System.Text.Json;

namespace Engine.Grammar;

/// <summary>
/// A schema whose objects take no other members than those that it names, unless it says otherwise: vLLM's
/// disable_additional_properties.
/// </summary>
internal static class ClosedObjects
{
    /// <summary>The schema with "additionalProperties": false wherever properties are named and nothing is said.</summary>
    public static string Rewrite(string schema, GrammarLimits limits)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(schema, new JsonDocumentOptions { MaxDepth = limits.MaxDepth });
        }
        catch (JsonException)
        {
            // The compiler says what is wrong with it.
            return schema;
        }

        using (document)
        {
            using var stream = new MemoryStream();
            using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { SkipValidation = true }))
            {
                Write(json, document.RootElement);
            }

            return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
        }
    }

    private static void Write(Utf8JsonWriter json, JsonElement schema)
    {
        if (schema.ValueKind == JsonValueKind.Array)
        {
            json.WriteStartArray();
            foreach (JsonElement item in schema.EnumerateArray())
            {
                Write(json, item);
            }

            json.WriteEndArray();
            return;
        }

        if (schema.ValueKind != JsonValueKind.Object)
        {
            schema.WriteTo(json);
            return;
        }

        json.WriteStartObject();
        foreach (JsonProperty member in schema.EnumerateObject())
        {
            json.WritePropertyName(member.Name);
            WriteKeyword(json, member);
        }

        if ((schema.TryGetProperty("properties", out _) || schema.TryGetProperty("patternProperties", out _))
            && !schema.TryGetProperty("additionalProperties", out _)
            && !schema.TryGetProperty("unevaluatedProperties", out _))
        {
            json.WriteBoolean("additionalProperties", false);
        }

        json.WriteEndObject();
    }

    private static void WriteKeyword(Utf8JsonWriter json, JsonProperty member)
    {
        switch (member.Name)
        {
            case "enum" or "const" or "default" or "examples":
                member.Value.WriteTo(json);
                break;
            case "properties" or "patternProperties" or "$defs" or "definitions" or "dependentSchemas"
                when member.Value.ValueKind == JsonValueKind.Object:
                json.WriteStartObject();
                foreach (JsonProperty named in member.Value.EnumerateObject())
                {
                    json.WritePropertyName(named.Name);
                    Write(json, named.Value);
                }

                json.WriteEndObject();
                break;
            default:
                Write(json, member.Value);
                break;
        }
    }
}
