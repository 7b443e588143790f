using System.Text.Json;
using System.Text.Json.Nodes;
using Engine.Grammar;

namespace Engine.Chat;

/// <summary>An output that has to look like something once the model has thought.</summary>
internal static class ThoughtSyntax
{
    private const string Harmony = "openai";
    private const string FinalChannel = "<|channel|>final";

    private static readonly string[] HarmonyMarks =
        ["<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|constrain|>"];

    /// <summary>The structural tag: a thought, then what was asked for. Null if the format has no thought to tell.
    /// </summary>
    /// <param name="outputs">What was asked for, with AfterReasoning.</param>
    public static string? StructuralTag(StructuredOutputs outputs)
    {
        (string? begin, string end) = Marks(outputs.AfterReasoning!);
        if (end.Length == 0)
        {
            return null;
        }

        JsonNode body = Body(outputs);
        if (outputs.AfterReasoning == Harmony)
        {
            return TagJson.Whole(TagJson.Sequence(
            [
                TagJson.Star(TagJson.Or([Message("analysis"), Message("commentary")])), TagJson.Text(end),

                // Asked for JSON, these models may say so.
                TagJson.Optional(TagJson.Text(" <|constrain|>json")), TagJson.Text("<|message|>"), body,
            ]));
        }

        // A marker of calls would end the thought, too, and what follows would be held to nothing.
        string[] others = ChatParsers.ThoughtMarks(outputs.AfterReasoning!) is { } marks ? marks.AlsoEnds : [];
        List<JsonNode> thought = [TagJson.FreeText([end, .. others]), TagJson.Text(end)];
        if (outputs.Json is not null || outputs.JsonObject)
        {
            thought.Add(TagJson.Regex("[ \\t\\r\\n]{0,4}"));
        }

        if (outputs.ReasoningIsOptional && begin is not null)
        {
            thought.Insert(0, TagJson.Text(begin));
            return TagJson.Whole(TagJson.Sequence([TagJson.Optional(TagJson.Sequence(thought)), body]));
        }

        return TagJson.Whole(TagJson.Sequence([.. thought, body]));
    }

    private static JsonObject Message(string channel) => TagJson.Sequence(
    [
        TagJson.Text($"<|channel|>{channel}<|message|>"), TagJson.FreeText("<|end|>"),
        TagJson.Text("<|end|><|start|>assistant"),
    ]);

    /// <summary>What special tokens of a format stand for in the grammar.</summary>
    public static IReadOnlyList<string> SpecialTokens(string parser)
    {
        if (parser == Harmony)
        {
            return HarmonyMarks;
        }

        (string? begin, string end) = Marks(parser);
        return begin is null ? [] : [begin, end];
    }

    private static (string? Begin, string End) Marks(string parser) => parser switch
    {
        Harmony => (null, FinalChannel),
        "granite" => ("Here is my thought process:", "Here is my response:"),
        _ => ChatParsers.ThoughtMarks(parser) is { } marks ? (marks.Begin, marks.End) : (null, ""),
    };

    private static JsonNode Body(StructuredOutputs outputs) =>
        outputs.Json is { } schema ? TagJson.Schema(JsonNode.Parse(schema)!)
        : outputs.JsonObject ? TagJson.Schema(new JsonObject { ["type"] = "object" })
        : outputs.Regex is { } regex ? TagJson.Regex(regex)
        : outputs.Grammar is { } grammar ? TagJson.Grammar(grammar)
        : outputs.Choice is { } choice ? TagJson.Or(choice.Select(TagJson.Text))
        : TagBody(JsonNode.Parse(outputs.StructuralTag!)!.AsObject());

    private static JsonNode TagBody(JsonObject tag)
    {
        if (tag["format"] is { } format)
        {
            return format.DeepClone();
        }

        // The older form is one of the formats of the newer.
        return new JsonObject
        {
            ["type"] = "triggered_tags",
            ["triggers"] = tag["triggers"]?.DeepClone(),
            ["tags"] = new JsonArray([.. (tag["structures"] as JsonArray ?? []).Select(structure => TagJson.Tag(
                structure!["begin"]!.GetValue<string>(),
                TagJson.Schema(structure["schema"]!.DeepClone()),
                structure["end"]!.GetValue<string>()))]),
        };
    }
}
