using System.CommandLine;
using Engine.Chat;
using Engine.Hosting;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;

namespace Engine.Server.Commands;

/// <summary>How the model answers requests, whether they come over HTTP or from a file.</summary>
internal sealed class ServedModelArguments
{
    private static readonly ServerOptions _defaults = new();

    private readonly Option<string[]> _servedModelName = new("--served-model-name")
    {
        Description = "Names that clients may use; the first is the one in answers. Default: the model's.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _chatTemplate = new("--chat-template")
    {
        Description = "File with a Jinja template, or the template itself.",
    };

    private readonly Option<string> _contentFormat = new("--chat-template-content-format")
    {
        Description = "How lists of content parts reach the template.",
        DefaultValueFactory = _ => _defaults.ChatTemplateContentFormat,
    };

    private readonly Option<bool> _trustTemplate = new("--trust-request-chat-template")
    {
        Description = "Lets a request bring its own chat template.",
    };

    private readonly Option<bool> _allowControlTokens = new("--allow-control-tokens")
    {
        Description = "Lets messages write control tokens as the chat template does.",
    };

    private readonly Option<string> _toolCallParser = new("--tool-call-parser")
    {
        Description = "How the model writes tool calls: " + string.Join(", ", ChatParsers.ToolParsers)
            + ", none, or auto for what its chat template shows.",
        DefaultValueFactory = _ => _defaults.ToolCallParser,
    };

    private readonly Option<string> _reasoningParser = new("--reasoning-parser")
    {
        Description = "How the model writes thoughts: " + string.Join(", ", ChatParsers.ReasoningParsers)
            + ", none, or auto for what its chat template shows.",
        DefaultValueFactory = _ => _defaults.ReasoningParser,
    };

    private readonly Option<string> _structuredOutputs = new("--structured-outputs-config")
    {
        Description = "JSON: enable_in_reasoning (thoughts, too, are held to what the output has to look like), "
            + "disable_any_whitespace, disable_additional_properties, reasoning_parser.",
        DefaultValueFactory = _ => "{}",
    };

    private readonly Option<bool> _autoToolChoice = new("--enable-auto-tool-choice")
    {
        Description = "Refuses to start if it is not known how the model writes tool calls.",
    };

    private readonly Option<int> _maxN = new("--max-n")
    {
        Description = "Largest n of a request.",
        DefaultValueFactory = _ => _defaults.MaxN,
    };

    private readonly Option<int> _streamInterval = new("--stream-interval")
    {
        Description = "Tokens of a stream that are sent together, an event each; the first is sent at once. "
            + "More than 1 saves the server's time, and text comes in larger pieces. "
            + "0: each when it comes, and, with many streams, what comes within up to 100 ms together.",
        DefaultValueFactory = _ => _defaults.StreamInterval,
    };

    private readonly Option<string> _runner = new("--runner")
    {
        Description = "auto, generate, or pooling: vectors or scores of whole texts.",
        DefaultValueFactory = _ => "auto",
    };

    public void AddTo(Command command)
    {
        Option[] own =
        [
            _servedModelName, _chatTemplate, _contentFormat, _trustTemplate, _allowControlTokens,
            _toolCallParser, _reasoningParser, _structuredOutputs, _autoToolChoice, _maxN,
            _streamInterval, _runner,
        ];
        foreach (Option option in own)
        {
            command.Options.Add(option);
        }
    }

    /// <summary>What these arguments say; the rest is the default.</summary>
    public ServerOptions ToOptions(ParseResult result) => _defaults with
    {
        MaxN = result.GetValue(_maxN),
        StreamInterval = result.GetValue(_streamInterval) is var interval and >= 0
            ? interval
            : throw EngineException.Invalid("stream-interval", "must be at least 0"),
        TrustRequestChatTemplate = result.GetValue(_trustTemplate),
        ChatTemplateContentFormat = result.GetValue(_contentFormat)!,
        ToolCallParser = result.GetValue(_toolCallParser)!,
        ReasoningParser = ReasoningParser(result),
        AllowControlTokens = result.GetValue(_allowControlTokens),
        StructuredOutputs = StructuredOutputs(result),
    };

    /// <summary>The names of the model; the first is the one in answers.</summary>
    public IReadOnlyList<string> Names(ParseResult result, string model) =>
        result.GetValue(_servedModelName) is { Length: > 0 } names ? names : [model];

    public string? ChatTemplate(ParseResult result) => result.GetValue(_chatTemplate);

    /// <summary>How the model writes calls and thoughts.</summary>
    /// <exception cref="EngineException">InvalidArgument: no such parser, or none where one is needed.</exception>
    public ChatFormats Formats(ParseResult result, string? template)
    {
        var formats = ChatFormats.Create(
            result.GetValue(_toolCallParser)!, ReasoningParser(result), template);
        return formats.Tools is not null || !result.GetValue(_autoToolChoice)
            ? formats
            : throw EngineException.Invalid(
                "enable-auto-tool-choice",
                "the chat template does not show how the model writes tool calls; name a --tool-call-parser");
    }

    private StructuredOutputsConfig StructuredOutputs(ParseResult result) =>
        StructuredOutputsConfig.Parse(result.GetValue(_structuredOutputs)!);

    private string ReasoningParser(ParseResult result) =>
        result.GetResult(_reasoningParser) is { Implicit: false }
            ? result.GetValue(_reasoningParser)!
            : StructuredOutputs(result).ReasoningParser ?? _defaults.ReasoningParser;

    /// <summary>"auto", "generate" or "pooling".</summary>
    public string Runner(ParseResult result) => result.GetValue(_runner)!;
}
