using System.Text.Json;
using Engine.Chat;
using Engine.Grammar;

namespace Engine.Sampling;

/// <summary>vLLM's structured_outputs object.</summary>
internal static class StructuredOutputsReader
{
    private static readonly string[] Keys = ["json", "regex", "choice", "grammar", "json_object", "structural_tag",
        "after_reasoning", "disable_any_whitespace", "disable_additional_properties", "whitespace_pattern"];

    public static StructuredOutputs? Read(string name, ParamValue value)
    {
        if (value.Kind == ParamKind.Null)
        {
            return null;
        }

        if (value.Kind != ParamKind.Json || value.Json.ValueKind != JsonValueKind.Object)
        {
            throw EngineException.Invalid(name, "expected an object");
        }

        var outputs = new StructuredOutputs();
        foreach (JsonProperty item in value.Json.EnumerateObject())
        {
            outputs = item.Value.ValueKind == JsonValueKind.Null ? outputs : Set(outputs, name, item);
        }

        return outputs;
    }

    public static void Write(Utf8JsonWriter writer, StructuredOutputs outputs)
    {
        writer.WriteStartObject();
        if (outputs.Json is not null)
        {
            writer.WriteString("json", outputs.Json);
        }

        if (outputs.Regex is not null)
        {
            writer.WriteString("regex", outputs.Regex);
        }

        if (outputs.Grammar is not null)
        {
            writer.WriteString("grammar", outputs.Grammar);
        }

        if (outputs.StructuralTag is not null)
        {
            writer.WriteString("structural_tag", outputs.StructuralTag);
        }

        if (outputs.AfterReasoning is not null)
        {
            writer.WriteString("after_reasoning", outputs.AfterReasoning);
        }

        if (outputs.JsonObject)
        {
            writer.WriteBoolean("json_object", true);
        }

        WriteStyle(writer, outputs);
        if (outputs.Choice is not null)
        {
            writer.WriteStartArray("choice");
            foreach (string choice in outputs.Choice)
            {
                writer.WriteStringValue(choice);
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private static void WriteStyle(Utf8JsonWriter writer, StructuredOutputs outputs)
    {
        if (outputs.DisableAnyWhitespace)
        {
            writer.WriteBoolean("disable_any_whitespace", true);
        }

        if (outputs.DisableAdditionalProperties)
        {
            writer.WriteBoolean("disable_additional_properties", true);
        }

        if (outputs.WhitespacePattern is not null)
        {
            writer.WriteString("whitespace_pattern", outputs.WhitespacePattern);
        }
    }

    private static StructuredOutputs Set(StructuredOutputs outputs, string name, JsonProperty item)
    {
        ParamValue value = ParamValue.From(item.Value);
        switch (item.Name)
        {
            case "json":
                return outputs with { Json = TextOrJson(item.Value) };
            case "regex":
                return outputs with { Regex = Text(name, item) };
            case "grammar":
                return outputs with { Grammar = Text(name, item) };
            case "choice":
                return outputs with { Choice = ParamReader.Strings(name, value, orOne: false) };
            case "json_object":
                return outputs with { JsonObject = ParamReader.BoolOrNull(name, value) ?? false };
            case "disable_any_whitespace":
                return outputs with { DisableAnyWhitespace = ParamReader.BoolOrNull(name, value) ?? false };
            case "disable_additional_properties":
                return outputs with { DisableAdditionalProperties = ParamReader.BoolOrNull(name, value) ?? false };
            case "whitespace_pattern":
                return outputs with { WhitespacePattern = Text(name, item) };
            case "after_reasoning":
                return outputs with
                {
                    AfterReasoning = ChatParsers.ReasoningParser(Text(name, item), $"{name}.after_reasoning"),
                };
            case "structural_tag":
                return outputs with { StructuralTag = TextOrJson(item.Value) };
            default:
                string? nearest = NearestName.Find(item.Name, Keys);
                throw EngineException.Invalid(
                    name, $"unknown key {item.Name}" + (nearest is null ? "" : $"; did you mean {nearest}?"));
        }
    }

    private static string TextOrJson(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    private static string Text(string name, JsonProperty item) =>
        item.Value.ValueKind == JsonValueKind.String
            ? item.Value.GetString()!
            : throw EngineException.Invalid(name, $"{item.Name} must be a string");
}
