using Engine.Chat.Formats;
using Engine.Chat.Parsing;
using Engine.Chat.Reasoning;
using Engine.Tokenization;

namespace Engine.Chat;

/// <summary>The formats of tool calls and thoughts, by vLLM's names for their parsers.</summary>
public static class ChatParsers
{
    // Formats of one family that differ in nothing a parser sees share it.
    private static readonly Dictionary<string, string> ToolAliases = new(StringComparer.Ordinal)
    {
        ["llama4_json"] = "llama3_json",
        ["qwen3_xml"] = "qwen3_coder",
        ["glm47"] = "glm45",
        ["gpt_oss"] = "openai",
        ["harmony"] = "openai",
    };

    private static readonly Dictionary<string, string> ReasoningAliases = new(StringComparer.Ordinal)
    {
        ["deepseek_v31"] = "deepseek_v3",
        ["glm47"] = "glm45",
        ["openai_gptoss"] = "openai",
        ["gpt_oss"] = "openai",
        ["harmony"] = "openai",
    };

    private static readonly Dictionary<string, ThinkTags> ThinkFormats = new(StringComparer.Ordinal)
    {
        ["deepseek_r1"] = Think(),
        ["qwen3"] = Think("<tool_call>"),
        ["glm45"] = Think("<tool_call>") with { TrimsEnd = true },
        ["kimi_k2"] = Think("<|tool_calls_section_begin|>") with { TrimsEnd = true },
        ["mistral"] = new ThinkTags
        {
            Start = "[THINK]",
            Ends = new Markers("[/THINK]", "[TOOL_CALLS]"),
            BeginsInside = false,
            TrimsEnd = true,
        },
    };

    /// <summary>Names of the tool parsers, without aliases.</summary>
    public static IReadOnlyList<string> ToolParsers { get; } =
    [
        "deepseek_v3", "deepseek_v31", "glm45", "granite", "granite4", "hermes", "internlm", "jamba",
        "kimi_k2", "llama3_json", "llama4_pythonic", "mistral", "mistral_pre_v11", "openai",
        "phi4_mini_json", "pythonic", "qwen3_coder",
    ];

    /// <summary>Names of the reasoning parsers, without aliases.</summary>
    public static IReadOnlyList<string> ReasoningParsers { get; } =
        ["deepseek_r1", "deepseek_v3", "glm45", "granite", "kimi_k2", "mistral", "openai", "qwen3"];

    /// <summary>The parser of a name or alias.</summary>
    /// <param name="name">A name.</param>
    /// <param name="parameter">What a message about it names.</param>
    /// <exception cref="EngineException">InvalidArgument: there is none; the message lists the names.</exception>
    public static string ToolParser(string name, string parameter = "tool_parser") =>
        Resolve(name, parameter, ToolAliases, ToolParsers);

    /// <summary>The parser of a name or alias.</summary>
    /// <param name="name">A name.</param>
    /// <param name="parameter">What a message about it names.</param>
    /// <exception cref="EngineException">InvalidArgument: there is none; the message lists the names.</exception>
    public static string ReasoningParser(string name, string parameter = "reasoning_parser") =>
        Resolve(name, parameter, ReasoningAliases, ReasoningParsers);

    /// <summary>The output begins inside of a thought, as the format says.</summary>
    /// <param name="reasoningParser">A name of <see cref="ReasoningParsers"/>.</param>
    public static bool AlwaysThinks(string reasoningParser) =>
        reasoningParser == "openai" || TagsOf(reasoningParser) is not null;

    /// <summary>A budget can be held to: the format's thoughts stand between tags that are tokens.</summary>
    /// <param name="reasoningParser">A name of <see cref="ReasoningParsers"/>, or null.</param>
    /// <param name="tokenizer">The model's, or null.</param>
    public static bool CountsThoughts(string? reasoningParser, ITokenizer? tokenizer) =>
        ThoughtMarks(reasoningParser ?? "") is { } marks && TokensOf(marks.Begin, marks.End, tokenizer) is not null;

    /// <summary>The two tags as tokens, or null.</summary>
    internal static (int Begin, int End)? TokensOf(string begin, string end, ITokenizer? tokenizer) =>
        tokenizer?.TokenToId(begin) is int first and >= 0 && tokenizer.TokenToId(end) is int last and >= 0
            ? (first, last)
            : null;

    /// <summary>The tags of a thought, and other markers that end it; or null.</summary>
    internal static (string Begin, string End, string[] AlsoEnds)? ThoughtMarks(string reasoningParser) =>
        ThinkFormats.TryGetValue(reasoningParser, out ThinkTags? tags)
            ? (tags.Start, tags.Ends.All[0], [.. tags.Ends.All[1..]])
            : null;

    /// <summary>The tag that ends a thought, or null where there is none to look for in a prompt.</summary>
    internal static string? ThoughtEnd(string reasoningParser) => TagsOf(reasoningParser)?.Ends.All[0];

    /// <summary>The tag that opens a thought, or null where there is none to look for in a prompt.</summary>
    internal static string? ThoughtBegin(string reasoningParser) => TagsOf(reasoningParser)?.Start;

    /// <summary>Texts that parsers look for and that a tokenizer may hold as special tokens.</summary>
    /// <param name="toolParser">A name, or null.</param>
    /// <param name="reasoningParser">A name, or null.</param>
    public static IReadOnlyList<string> MarksOf(string? toolParser, string? reasoningParser)
    {
        string[] tools = toolParser switch
        {
            "hermes" or "granite4" or "qwen3_coder" or "glm45" => ["<tool_call>", "</tool_call>", "<arg_key>"],
            "granite" => ["<|tool_call|>", "<tool_call>"],
            "jamba" => ["<tool_calls>"],
            "mistral" or "mistral_pre_v11" => ["[TOOL_CALLS]", "[ARGS]", "[THINK]"],
            "internlm" => ["<|action_start|>", "<|plugin|>"],
            "llama3_json" => ["<|python_tag|>"],
            "llama4_pythonic" => ["<|python_start|>"],
            "deepseek_v3" or "deepseek_v31" => ["<｜tool▁calls▁begin｜>"],
            "kimi_k2" => ["<|tool_calls_section_begin|>"],
            "openai" => ["<|channel|>", "<|message|>"],
            _ => [],
        };
        string[] reasoning = reasoningParser is null ? []
            : reasoningParser == "openai" ? ["<|channel|>"]
            : ThinkFormats.TryGetValue(reasoningParser, out ThinkTags? tags) ? [tags.Start, tags.Ends.All[0]]
            : [];
        return [.. tools, .. reasoning];
    }

    internal static OutputStage CreateTools(string? name, DeltaSink sink, ToolSchemas schemas) => name switch
    {
        null => new ContentStage(sink),
        "hermes" => new TaggedObjectsFormat(sink, keepsText: false),
        "granite4" => new TaggedObjectsFormat(sink, keepsText: true),
        "granite" => new MarkedListFormat(sink, new Markers("<|tool_call|>", "<tool_call>"), null),
        "jamba" => new MarkedListFormat(sink, new Markers("<tool_calls>"), new Markers("</tool_calls>")),
        "phi4_mini_json" => new MarkedListFormat(sink, new Markers("functools"), null, needsBracket: true),
        "mistral_pre_v11" => new MarkedListFormat(sink, new Markers("[TOOL_CALLS]"), null),
        "internlm" => new MarkedListFormat(
            sink, new Markers("<|action_start|><|plugin|>"), new Markers("<|action_end|>")),
        "llama3_json" => new LlamaJsonFormat(sink),
        "pythonic" => new PythonicFormat(sink, null),
        "llama4_pythonic" => new PythonicFormat(sink, new Markers("<|python_start|>")),
        "mistral" => new MistralFormat(sink),
        "deepseek_v3" => new DeepSeekFormat(sink, isV31: false),
        "deepseek_v31" => new DeepSeekFormat(sink, isV31: true),
        "kimi_k2" => new KimiFormat(sink),
        "qwen3_coder" => new QwenCoderFormat(sink, schemas),
        "glm45" => new GlmFormat(sink, schemas),
        "openai" => new HarmonyFormat(sink),
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    internal static OutputStage CreateReasoning(
        string? name, DeltaSink sink, OutputStage next, bool needsTag) =>
        name is null ? next
        : name == "granite" ? new GraniteThoughtStage(sink, next)
        : ThinkFormats.TryGetValue(name, out ThinkTags? tags) ? new ThinkStage(sink, next, tags, needsTag)
        : next;

    private static ThinkTags? TagsOf(string name) =>
        ThinkFormats.TryGetValue(name, out ThinkTags? tags) && tags.BeginsInside ? tags : null;

    private static ThinkTags Think(params string[] alsoEnds) =>
        new() { Start = "<think>", Ends = new Markers(["</think>", .. alsoEnds]) };

    private static string Resolve(
        string name, string parameter, Dictionary<string, string> aliases, IReadOnlyList<string> names)
    {
        string known = aliases.GetValueOrDefault(name, name);
        return names.Contains(known, StringComparer.Ordinal)
            ? known
            : throw EngineException.Invalid(
                parameter, $"must be one of {string.Join(", ", names)}, found \"{name}\"");
    }
}
