using System.Text.Json;
using System.Text.Json.Nodes;

namespace Engine.Chat;

/// <summary>
/// Calls in a model's own format as a structural tag: what holds a model to calling tools in the way it was taught.
/// Read with that format's parser.
/// </summary>
public static class CallSyntax
{
    /// <summary>The parts of a format whose arguments are JSON; NAME stands for the tool's.</summary>
    internal sealed record Parts(string Open, string Begin, string End, string Between, string Close);

    internal static readonly Dictionary<string, Parts> Formats = new(StringComparer.Ordinal)
    {
        ["hermes"] = new("", "<tool_call>\n{\"name\": \"NAME\", \"arguments\": ", "}\n</tool_call>", "\n", ""),
        ["granite4"] = new("", "<tool_call>\n{\"name\": \"NAME\", \"arguments\": ", "}\n</tool_call>", "\n", ""),
        ["granite"] = new("<|tool_call|>[", "{\"name\": \"NAME\", \"arguments\": ", "}", ", ", "]"),
        ["jamba"] = new("<tool_calls>[", "{\"name\": \"NAME\", \"arguments\": ", "}", ", ", "]</tool_calls>"),
        ["phi4_mini_json"] = new("functools[", "{\"name\": \"NAME\", \"arguments\": ", "}", ", ", "]"),
        ["llama3_json"] = new("", "{\"name\": \"NAME\", \"parameters\": ", "}", "; ", ""),
        ["mistral"] = new("", "[TOOL_CALLS]NAME[ARGS]", "", "", ""),
        ["mistral_pre_v11"] = new("[TOOL_CALLS] [", "{\"name\": \"NAME\", \"arguments\": ", "}", ", ", "]"),
        ["internlm"] = new(
            "", "<|action_start|><|plugin|>{\"name\": \"NAME\", \"parameters\": ", "}<|action_end|>", "", ""),
        ["deepseek_v3"] = new(
            "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME\n```json\n",
            "\n```<｜tool▁call▁end｜>", "\n", "<｜tool▁calls▁end｜>"),
        ["deepseek_v31"] = new(
            "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>NAME<｜tool▁sep｜>", "<｜tool▁call▁end｜>", "",
            "<｜tool▁calls▁end｜>"),
        ["kimi_k2"] = new(
            "<|tool_calls_section_begin|>",
            "<|tool_call_begin|>functions.NAME:0<|tool_call_argument_begin|>", "<|tool_call_end|>", "",
            "<|tool_calls_section_end|>"),
        ["openai"] = new("", "<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>", "", "", ""),
    };

    // Of several calls these formats make one alone: an id counts them, or the message ends.
    internal static readonly string[] OneAlone = ["kimi_k2", "openai", "llama3_json", "internlm"];

    private static readonly string[] Specials =
    [
        "<tool_call>", "</tool_call>", "<|tool_call|>", "<tool_calls>", "</tool_calls>", "[TOOL_CALLS]", "[ARGS]",
        "<|action_start|>", "<|plugin|>", "<|action_end|>", "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>",
        "<｜tool▁sep｜>", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>", "<|tool_calls_section_begin|>",
        "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>", "<|tool_calls_section_end|>",
        "<|channel|>", "<|message|>", "<|constrain|>", "<|start|>", "<|end|>", "<arg_key>", "</arg_key>",
        "<arg_value>", "</arg_value>", "<|python_tag|>",
    ];

    /// <summary>What special tokens of all formats stand for in their grammars.</summary>
    public static IReadOnlyList<string> SpecialTokens => Specials;

    /// <summary>The structural tag of at least one call; null where the format cannot be held to the schemas.</summary>
    /// <param name="parser">A name of <see cref="ChatParsers.ToolParsers"/>.</param>
    /// <param name="tools">The request's list of tools, in OpenAI's form.</param>
    /// <param name="name">The tool to call; null is any of them.</param>
    /// <param name="isParallel">False allows one call alone.</param>
    public static string? StructuralTag(string parser, JsonElement tools, string? name, bool isParallel)
    {
        ArgumentNullException.ThrowIfNull(parser);
        JsonElement[] functions = [.. ForcedCalls.Functions(tools)
            .Where(function => name is null || function.GetProperty("name").GetString() == name)];
        bool oneAlone = !isParallel || name is not null || OneAlone.Contains(parser);
        if (Formats.TryGetValue(parser, out Parts? parts))
        {
            JsonNode calls = TagJson.Tags(functions.Select(function => Call(parts, function)), parts.Between, oneAlone);
            return parser == "openai"
                ? TagJson.Whole(TagJson.Sequence([TagJson.Optional(Analysis()), calls]))
                : Whole(parts.Open, calls, parts.Close);
        }

        JsonNode?[] typed = [.. functions.Select(function => TypedCalls.Call(parser, function))];
        return typed.Length == 0 || typed.Contains(null)
            ? null
            : Whole("", TagJson.Tags(typed!, "\n", oneAlone), "");
    }

    /// <summary>The message in which openai's models think before they call.</summary>
    private static JsonObject Analysis() => TagJson.Sequence(
    [
        TagJson.Text("<|channel|>analysis<|message|>"), TagJson.FreeText("<|end|>"),
        TagJson.Text("<|end|><|start|>assistant"),
    ]);

    private static string Whole(string open, JsonNode calls, string close)
    {
        List<JsonNode> all = [calls];
        if (open.Length > 0)
        {
            all.Insert(0, TagJson.Text(open));
        }

        if (close.Length > 0)
        {
            all.Add(TagJson.Text(close));
        }

        return TagJson.Whole(TagJson.Sequence(all));
    }

    /// <summary>The tag of a call.</summary>
    /// <param name="parts">The format.</param>
    /// <param name="function">The tool.</param>
    /// <param name="schema">Of the arguments; null is the tool's own.</param>
    internal static JsonObject Call(Parts parts, JsonElement function, JsonObject? schema = null)
    {
        string name = function.GetProperty("name").GetString()!;

        // In JSON a name is spelled as JSON; elsewhere it stands as it is.
        bool isJson = parts.Begin.Contains("\"NAME\"", StringComparison.Ordinal);
        string spelled = isJson ? TagJson.Spell(JsonValue.Create(name))[1..^1] : name;
        return TagJson.Tag(
            parts.Begin.Replace("NAME", spelled, StringComparison.Ordinal),
            TagJson.Schema(schema ?? ForcedCalls.ArgumentsSchema(function)),
            parts.End);
    }
}
