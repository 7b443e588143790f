using System.Text.Json;
using System.Text.Json.Nodes;

namespace Engine.Chat;

/// <summary>
/// What holds calls that a model may make but need not: free text until a call's own marker, then one of the tools,
/// with arguments after its schema if it is strict and with any arguments if not.
/// </summary>
public static class StrictCalls
{
    private const string Channel = "<|channel|>";
    private const string PythonTag = "<|python_tag|>";

    // A text that is no call of llama3_json: it begins neither with a brace nor with the tag.
    private const string NoCall = "[ \\t\\r\\n]{0,8}([^{< \\t\\r\\n]|<[^|]|<\\|[^p])";

    // What the markers begin with that are not an Open of their own.
    private static readonly Dictionary<string, string> Triggers = new(StringComparer.Ordinal)
    {
        ["hermes"] = "<tool_call>",
        ["granite4"] = "<tool_call>",
        ["granite"] = "<|tool_call|>",
        ["mistral"] = "[TOOL_CALLS]",
        ["mistral_pre_v11"] = "[TOOL_CALLS]",
        ["internlm"] = "<|action_start|>",
    };

    // In place of the format's own marker the parser takes this, too.
    private static readonly Dictionary<string, string> OtherMarks = new(StringComparer.Ordinal)
    {
        ["granite"] = "<tool_call>",
        ["qwen3_coder"] = "<function=",
    };

    /// <summary>True if a tool of the list asks to be held to its schema.</summary>
    /// <param name="tools">The request's list of tools, in OpenAI's form.</param>
    public static bool AreAsked(JsonElement tools) => ForcedCalls.Functions(tools).Any(IsStrict);

    /// <summary>The structural tag; null where the format cannot be held to anything.</summary>
    /// <param name="parser">A name of <see cref="ChatParsers.ToolParsers"/>.</param>
    /// <param name="tools">The request's list of tools, in OpenAI's form.</param>
    /// <param name="allowed">The tools that may be called; null is all.</param>
    /// <param name="isParallel">False allows one call alone.</param>
    public static string? StructuralTag(
        string parser, JsonElement tools, IReadOnlyCollection<string>? allowed, bool isParallel)
    {
        ArgumentNullException.ThrowIfNull(parser);
        JsonElement[] functions = [.. ForcedCalls.Functions(tools)
            .Where(function => allowed is null || allowed.Contains(function.GetProperty("name").GetString()!))];
        bool oneAlone = !isParallel || CallSyntax.OneAlone.Contains(parser);
        if (functions.Length == 0)
        {
            return null;
        }

        if (!CallSyntax.Formats.TryGetValue(parser, out CallSyntax.Parts? parts))
        {
            return Typed(parser, functions, oneAlone);
        }

        JsonNode format = parser switch
        {
            "openai" => Harmony(functions),
            "llama3_json" => Llama(parts, functions, oneAlone),
            "kimi_k2" => Listed(parts, parser, [.. functions.Select(KimiCall)], !isParallel),
            _ when parts.Open.Length > 0 => Listed(
                parts, parser, [.. functions.Select(function => Call(parts, function))], oneAlone),
            _ => TagJson.Triggered(
                [Triggers[parser]], functions.Select(function => Call(parts, function)), [], oneAlone),
        };
        return TagJson.Whole(format);
    }

    private static bool IsStrict(JsonElement function) =>
        function.TryGetProperty("strict", out JsonElement strict) && strict.ValueKind == JsonValueKind.True;

    private static JsonObject Call(CallSyntax.Parts parts, JsonElement function) =>
        CallSyntax.Call(parts, function, Arguments(function));

    private static JsonObject Arguments(JsonElement function) => IsStrict(function)
        ? ForcedCalls.ArgumentsSchema(function)
        : new JsonObject { ["type"] = "object" };

    /// <summary>A section that lists calls is one tag.</summary>
    private static JsonObject Listed(CallSyntax.Parts parts, string parser, JsonObject[] calls, bool oneAlone)
    {
        string trigger = Triggers.GetValueOrDefault(parser, parts.Open);
        return TagJson.Triggered(
            [trigger],
            [TagJson.Tag(parts.Open, TagJson.Tags(calls, parts.Between, oneAlone), parts.Close)],
            OtherMarks.TryGetValue(parser, out string? other) ? [other] : [],
            oneAlone);
    }

    // Its calls are counted: functions.NAME:0, functions.NAME:1.
    private static JsonObject KimiCall(JsonElement function)
    {
        string name = function.GetProperty("name").GetString()!;
        return TagJson.Tag(
            $"<|tool_call_begin|>functions.{name}:",
            TagJson.Sequence(
            [
                TagJson.Regex("[0-9]{1,3}"), TagJson.Text("<|tool_call_argument_begin|>"),
                TagJson.Schema(Arguments(function)),
            ]),
            "<|tool_call_end|>");
    }

    private static JsonObject Llama(CallSyntax.Parts parts, JsonElement[] functions, bool oneAlone)
    {
        JsonObject Calls() => TagJson.Tags(
            functions.Select(function => Call(parts, function)), parts.Between, oneAlone);
        JsonNode[] tagged = [.. functions.Select(function => CallSyntax.Call(
            parts with { Begin = PythonTag + parts.Begin }, function, Arguments(function)))];
        return TagJson.Or(
        [
            Calls(),
            TagJson.Sequence([TagJson.Text(PythonTag), Calls()]),
            TagJson.Optional(TagJson.Sequence(
                [TagJson.Regex(NoCall), TagJson.Triggered([PythonTag], tagged, [], stopsAfterFirst: true)])),
        ]);
    }

    /// <summary>A message to a function, in each of the spellings that models of this format have.</summary>
    private static JsonObject Harmony(JsonElement[] functions)
    {
        const string inChannel = Channel + "commentary to=functions.";
        const string inRole = "<|start|>assistant to=functions.";
        const string atStart = " to=functions.";
        const string channelBehind = Channel + "commentary";
        var tags = new List<JsonNode>();
        var first = new List<JsonNode>();
        foreach (JsonElement function in functions)
        {
            string name = function.GetProperty("name").GetString()!;
            foreach (string type in (string[])[" <|constrain|>json<|message|>", " json<|message|>", "<|message|>"])
            {
                JsonObject arguments = TagJson.Schema(Arguments(function));
                tags.Add(TagJson.Tag(inChannel + name + type, arguments, ""));
                tags.Add(TagJson.Tag(inRole + name + channelBehind + type, arguments.DeepClone(), ""));
                first.Add(TagJson.Sequence(
                    [TagJson.Text(atStart + name + channelBehind + type), arguments.DeepClone()]));
            }
        }

        return TagJson.Or(
            [.. first, TagJson.Triggered([inChannel, inRole], tags, ["to=functions."], stopsAfterFirst: true)]);
    }

    private static string? Typed(string parser, JsonElement[] functions, bool oneAlone)
    {
        JsonObject?[] calls = [.. functions.Select(function => IsStrict(function)
            ? TypedCalls.Call(parser, function) ?? TypedCalls.FreeCall(parser, function)
            : TypedCalls.FreeCall(parser, function))];
        return calls.Contains(null)
            ? null
            : TagJson.Whole(TagJson.Triggered(
                ["<tool_call>"],
                calls!,
                OtherMarks.TryGetValue(parser, out string? other) ? [other] : [],
                oneAlone));
    }
}
