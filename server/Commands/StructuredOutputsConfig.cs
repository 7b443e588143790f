using System.Text.Json;

namespace Engine.Server.Commands;

/// <summary>The JSON of --structured-outputs-config, vLLM's name.</summary>
internal static class StructuredOutputsConfig
{
    private const string Parameter = "structured-outputs-config";

    /// <summary>Whether thoughts are held to what the output has to look like.</summary>
    /// <exception cref="EngineException">InvalidArgument: not that JSON.</exception>
    public static bool EnablesInReasoning(string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw EngineException.Invalid(Parameter, "must be a JSON object");
            }

            bool enables = false;
            foreach (JsonProperty member in document.RootElement.EnumerateObject())
            {
                enables |= member.Name == "enable_in_reasoning" ? Flag(member.Value)
                    : member.Name == "backend" && member.Value.ValueEquals("auto") ? false
                    : throw EngineException.Invalid(
                        Parameter, $"takes enable_in_reasoning, and backend auto; found {member.Name}");
            }

            return enables;
        }
        catch (JsonException e)
        {
            throw EngineException.Invalid(Parameter, $"is no JSON: {e.Message}");
        }
    }

    private static bool Flag(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw EngineException.Invalid(Parameter, "enable_in_reasoning must be true or false"),
    };
}
