namespace Engine.Chat;

/// <summary>
/// Which formats a model writes, told from its chat template: a template that renders earlier calls and
/// thoughts shows how the model was taught to write them.
/// </summary>
public static class ChatParserDetection
{
    // From the most telling marker to the least: the first whose texts all occur decides. "!" is absence.
    private static readonly (string Parser, string[] Marks)[] ToolTable =
    [
        ("openai", ["<|channel|>", "<|message|>"]),
        ("kimi_k2", ["<|tool_calls_section_begin|>"]),
        ("deepseek_v3", ["<｜tool▁calls▁begin｜>", "```json"]),
        ("deepseek_v31", ["<｜tool▁calls▁begin｜>"]),
        ("qwen3_coder", ["<function=", "<parameter=", "!<seed:tool_call>"]),
        ("glm45", ["<arg_key>", "<arg_value>"]),
        ("mistral", ["[TOOL_CALLS]", "[ARGS]"]),
        ("mistral_pre_v11", ["[TOOL_CALLS]"]),
        ("internlm", ["<|action_start|>", "<|plugin|>"]),
        ("jamba", ["<tool_calls>["]),
        ("phi4_mini_json", ["functools"]),
        ("phi4_mini_json", ["<|tool|>", "<|/tool|>"]),
        ("llama4_pythonic", ["<|python_start|>"]),
        ("llama4_pythonic", ["<|header_start|>"]),
        ("granite", ["<|tool_call|>"]),
        ("granite4", ["<tool_call>", "<|start_of_role|>"]),
        ("hermes", ["<tool_call>", "</tool_call>", "!ns_token"]),
        ("llama3_json", ["<|python_tag|>", "!<function="]),
        ("llama3_json", ["<|start_header_id|>", "\"parameters\""]),
        ("pythonic", ["[func_name1("]),
        ("pythonic", ["list of function calls", "!<tool_call>"]),
    ];

    private static readonly (string Parser, string[] Marks)[] ReasoningTable =
    [
        ("openai", ["<|channel|>", "<|message|>"]),
        ("mistral", ["[THINK]"]),
        ("granite", ["Here is my thought process:"]),
        ("glm45", ["</think>", "<arg_key>"]),
        ("kimi_k2", ["</think>", "<|tool_calls_section_begin|>"]),
        ("deepseek_r1", ["</think>", "<｜Assistant｜>"]),
        ("qwen3", ["</think>", "<|im_start|>"]),
        ("deepseek_r1", ["</think>"]),
    ];

    /// <summary>The tool parser for a template, or null if it shows no format that is known.</summary>
    /// <param name="template">The chat template's text.</param>
    public static string? ToolParser(string template) => Find(template, ToolTable);

    /// <summary>The reasoning parser for a template, or null if it shows no thoughts.</summary>
    /// <param name="template">The chat template's text.</param>
    public static string? ReasoningParser(string template) => Find(template, ReasoningTable);

    /// <summary>Where the output to a prompt begins.</summary>
    /// <param name="reasoningParser">The parser that will read the output, or null.</param>
    /// <param name="prompt">The rendered prompt.</param>
    /// <param name="isNamed">
    /// The operator named the parser: its format's rule counts. A parser that was only detected takes text
    /// for a thought where the prompt or the output opens one: many templates that know thoughts belong to
    /// models that have none.
    /// </param>
    public static ThoughtStart ThoughtStartOf(string? reasoningParser, string prompt, bool isNamed)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        if (reasoningParser is null || ChatParsers.ThoughtEnd(reasoningParser) is not { } end)
        {
            return ThoughtStart.AsFormat;
        }

        ReadOnlySpan<char> last = prompt.AsSpan().TrimEnd();
        return last.EndsWith(end, StringComparison.Ordinal) ? ThoughtStart.Over
            : isNamed || last.EndsWith(ChatParsers.ThoughtBegin(reasoningParser), StringComparison.Ordinal)
                ? ThoughtStart.AsFormat
            : ThoughtStart.IfTagged;
    }

    private static string? Find(string template, (string Parser, string[] Marks)[] table)
    {
        ArgumentNullException.ThrowIfNull(template);
        foreach ((string parser, string[] marks) in table)
        {
            if (marks.All(mark => mark[0] == '!'
                ? !template.Contains(mark[1..], StringComparison.Ordinal)
                : template.Contains(mark, StringComparison.Ordinal)))
            {
                return parser;
            }
        }

        return null;
    }
}
