using System.Text.Json;
using Engine.Chat.Formats;
using Engine.Chat.Parsing;

namespace Engine.Chat;

/// <summary>How to read a model's output.</summary>
public sealed record ChatOutputOptions
{
    /// <summary>A name of <see cref="ChatParsers.ToolParsers"/> or an alias; null looks for no calls.</summary>
    public string? ToolParser { get; init; }

    /// <summary>A name of <see cref="ChatParsers.ReasoningParsers"/> or an alias; null looks for no thought.</summary>
    public string? ReasoningParser { get; init; }

    /// <summary>
    /// The request's list of tools, in OpenAI's form; formats with untyped values read their types there.
    /// </summary>
    public JsonElement Tools { get; init; }

    /// <summary>
    /// The whole output is the arguments of a call of this tool: the other parsers are not used.
    /// </summary>
    public string? NamedTool { get; init; }

    /// <summary>
    /// The whole output is a JSON list of calls {"name", "parameters"}: the other parsers are not used.
    /// </summary>
    public bool IsCallList { get; init; }

    /// <summary>Whether the output begins with a thought.</summary>
    public ThoughtStart ThoughtStart { get; init; }
}

/// <summary>Where an output begins.</summary>
public enum ThoughtStart
{
    /// <summary>Where the format says: for most of them inside of the thought.</summary>
    AsFormat,

    /// <summary>Inside of the thought only if the output itself opens it.</summary>
    IfTagged,

    /// <summary>In the answer: the prompt has closed the thought.</summary>
    Over,
}

/// <summary>
/// Splits a model's output into content, reasoning and tool calls while it comes. The result does not
/// depend on how the text is cut; a piece once given is final, a call's name comes whole before its
/// arguments. Time and memory are linear in the text. Not for concurrent use.
/// </summary>
public sealed class ChatOutputParser
{
    private readonly DeltaSink _sink = new();
    private readonly OutputStage _stage;
    private bool _isFinished;

    /// <summary>Creates a parser for one output.</summary>
    /// <exception cref="EngineException">InvalidArgument: there is no parser of that name.</exception>
    public ChatOutputParser(ChatOutputOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.NamedTool is not null || options.IsCallList)
        {
            _stage = options.NamedTool is { } name
                ? new NamedCallStage(_sink, name)
                : new CallListStage(_sink);
            return;
        }

        string? tools = options.ToolParser is null ? null : ChatParsers.ToolParser(options.ToolParser);
        string? reasoning = options.ReasoningParser is null
            ? null
            : ChatParsers.ReasoningParser(options.ReasoningParser);
        if (tools == "openai" || reasoning == "openai")
        {
            // One format for everything: channels say what is a thought.
            tools = "openai";
            reasoning = null;
        }
        else if (tools == "mistral" && reasoning is null)
        {
            reasoning = "mistral";
        }

        if (options.ThoughtStart == ThoughtStart.Over && reasoning is not null
            && ChatParsers.ThoughtEnd(reasoning) is not null)
        {
            reasoning = null;
        }

        OutputStage last = ChatParsers.CreateTools(tools, _sink, new ToolSchemas(options.Tools));
        _stage = ChatParsers.CreateReasoning(
            reasoning, _sink, last, options.ThoughtStart == ThoughtStart.IfTagged);
    }

    /// <summary>Calls begun so far.</summary>
    public int NumToolCalls => _sink.NumCalls;

    /// <summary>Takes the next piece of the output; returns what became final.</summary>
    /// <exception cref="InvalidOperationException">The output has ended.</exception>
    public IReadOnlyList<ChatDelta> Feed(ReadOnlySpan<char> text)
    {
        if (_isFinished)
        {
            throw new InvalidOperationException("The output has ended.");
        }

        _stage.Feed(text);
        return _sink.Take();
    }

    /// <summary>Ends the output; returns what was held back. A second time returns nothing.</summary>
    public IReadOnlyList<ChatDelta> Finish()
    {
        if (_isFinished)
        {
            return [];
        }

        _isFinished = true;
        _stage.Finish();
        _sink.Finish();
        return _sink.Take();
    }

    /// <summary>Reads a whole output: the same as one Feed and Finish.</summary>
    /// <exception cref="EngineException">InvalidArgument: there is no parser of that name.</exception>
    public static ChatOutput Parse(string text, ChatOutputOptions options)
    {
        var parser = new ChatOutputParser(options);
        var output = new ChatOutput();
        output.Add(parser.Feed(text));
        output.Add(parser.Finish());
        return output;
    }
}
