using Engine.Chat;

namespace Engine.Server.Http.Hosting;

/// <summary>How the served model writes calls and thoughts.</summary>
internal sealed record ChatFormats
{
    /// <summary>A model whose output is text and nothing else.</summary>
    public static ChatFormats None { get; } = new();

    public string? Tools { get; private init; }

    public string? Reasoning { get; private init; }

    /// <summary>The operator said so; else the template did.</summary>
    public bool IsReasoningNamed { get; private init; }

    /// <param name="tools">A parser's name, "auto" for what the template shows, or "none".</param>
    /// <param name="reasoning">The same for thoughts.</param>
    /// <param name="template">The chat template's text, or null.</param>
    /// <exception cref="EngineException">InvalidArgument: no such parser.</exception>
    public static ChatFormats Create(string tools, string reasoning, string? template) => new()
    {
        Tools = tools switch
        {
            "none" => null,
            "auto" => template is null ? null : ChatParserDetection.ToolParser(template),
            _ => ChatParsers.ToolParser(tools, "tool-call-parser"),
        },
        Reasoning = reasoning switch
        {
            "none" => null,
            "auto" => template is null ? null : ChatParserDetection.ReasoningParser(template),
            _ => ChatParsers.ReasoningParser(reasoning, "reasoning-parser"),
        },
        IsReasoningNamed = reasoning is not ("auto" or "none"),
    };
}
