using System.Text.Json;
using Engine.Grammar;

namespace Engine.Server.Http;

/// <summary>What --structured-outputs-config says, with vLLM's names.</summary>
internal sealed record StructuredOutputsConfig
{
    private const string Parameter = "structured-outputs-config";

    // A space, or a new line with what it is indented by.
    private const string CallSpace = "( |\\n {0,8})?";

    private static readonly string[] _backends = ["auto", "xgrammar", "guidance", "outlines", "lm-format-enforcer"];

    /// <summary>What an output has to look like holds for its thought, too.</summary>
    public bool EnableInReasoning { get; init; }

    /// <summary>No white space between the tokens of JSON.</summary>
    public bool DisableAnyWhitespace { get; init; }

    /// <summary>Objects take no members but those that their schema names, where it does not speak of others.</summary>
    public bool DisableAdditionalProperties { get; init; }

    /// <summary>Another way to say --reasoning-parser; null says nothing.</summary>
    public string? ReasoningParser { get; init; }

    /// <summary>Reads the JSON.</summary>
    /// <exception cref="EngineException">InvalidArgument: not that JSON.</exception>
    public static StructuredOutputsConfig Parse(string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.EnumerateObject().Aggregate(new StructuredOutputsConfig(), Set)
                : throw EngineException.Invalid(Parameter, "must be a JSON object");
        }
        catch (JsonException e)
        {
            throw EngineException.Invalid(Parameter, $"is no JSON: {e.Message}");
        }
    }

    /// <summary>A request's constraint with what holds for all.</summary>
    public StructuredOutputs? Apply(StructuredOutputs? outputs) => outputs is null ? null : outputs with
    {
        DisableAnyWhitespace = outputs.DisableAnyWhitespace
            || (DisableAnyWhitespace && outputs.WhitespacePattern is null),
        DisableAdditionalProperties = outputs.DisableAdditionalProperties || DisableAdditionalProperties,
    };

    /// <summary>The same for calls: white space as models write it, so that no output fills up with it.</summary>
    public StructuredOutputs? ApplyToCalls(StructuredOutputs? outputs) =>
        Apply(outputs) is { } held
            ? held.DisableAnyWhitespace ? held : held with { WhitespacePattern = CallSpace }
            : null;

    private static StructuredOutputsConfig Set(StructuredOutputsConfig config, JsonProperty member)
    {
        switch (member.Name)
        {
            case "enable_in_reasoning":
                return config with { EnableInReasoning = Flag(member) };
            case "disable_any_whitespace":
                return config with { DisableAnyWhitespace = Flag(member) };
            case "disable_additional_properties":
                return config with { DisableAdditionalProperties = Flag(member) };
            case "disable_fallback":
                // There is one backend, which refuses what it cannot enforce.
                _ = Flag(member);
                return config;
            case "backend":
                return _backends.Contains(Text(member))
                    ? config
                    : throw EngineException.Invalid(
                        Parameter, $"backend must be one of {string.Join(", ", _backends)}");
            case "reasoning_parser":
                return config with { ReasoningParser = Text(member) is { Length: > 0 } name ? name : null };
            case "reasoning_parser_plugin":
                return Text(member).Length == 0
                    ? config
                    : throw EngineException.Invalid(Parameter, "reasoning_parser_plugin: there are no Python plugins");
            default:
                throw EngineException.Invalid(
                    Parameter,
                    "takes backend, disable_fallback, disable_any_whitespace, disable_additional_properties, "
                    + $"reasoning_parser and enable_in_reasoning; found {member.Name}");
        }
    }

    private static bool Flag(JsonProperty member) => member.Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw EngineException.Invalid(Parameter, $"{member.Name} must be true or false"),
    };

    private static string Text(JsonProperty member) => member.Value.ValueKind == JsonValueKind.String
        ? member.Value.GetString()!
        : throw EngineException.Invalid(Parameter, $"{member.Name} must be a string");
}
