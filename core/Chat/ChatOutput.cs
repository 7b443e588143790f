using System.Text;

namespace Engine.Chat;

/// <summary>One tool call of an output.</summary>
public sealed class ChatToolCall
{
    private readonly StringBuilder _arguments = new();

    internal ChatToolCall(string name, string? id)
    {
        Name = name;
        Id = id;
    }

    /// <summary>The tool's name.</summary>
    public string Name { get; }

    /// <summary>The id that the model gave the call, or null.</summary>
    public string? Id { get; }

    /// <summary>The arguments as JSON text; cut off where the output was.</summary>
    public string Arguments => _arguments.ToString();

    internal void Append(string text) => _arguments.Append(text);
}

/// <summary>An output put together from its deltas.</summary>
public sealed class ChatOutput
{
    private readonly StringBuilder _content = new();
    private readonly StringBuilder _reasoning = new();
    private readonly List<ChatToolCall> _calls = [];

    /// <summary>The answer's text; empty if there is none.</summary>
    public string Content => _content.ToString();

    /// <summary>The thought before the answer; empty if there is none.</summary>
    public string Reasoning => _reasoning.ToString();

    /// <summary>The calls in order.</summary>
    public IReadOnlyList<ChatToolCall> ToolCalls => _calls;

    /// <summary>Adds what a parser gave.</summary>
    public void Add(IReadOnlyList<ChatDelta> deltas)
    {
        ArgumentNullException.ThrowIfNull(deltas);
        foreach (ChatDelta delta in deltas)
        {
            switch (delta.Kind)
            {
                case ChatDeltaKind.Content:
                    _content.Append(delta.Text);
                    break;
                case ChatDeltaKind.Reasoning:
                    _reasoning.Append(delta.Text);
                    break;
                case ChatDeltaKind.ToolCall:
                    _calls.Add(new ChatToolCall(delta.Text, delta.ToolId));
                    break;
                default:
                    _calls[delta.ToolIndex].Append(delta.Text);
                    break;
            }
        }
    }
}
