namespace Engine.Chat;

/// <summary>What a piece of a model's output belongs to.</summary>
public enum ChatDeltaKind
{
    /// <summary>The answer's text.</summary>
    Content,

    /// <summary>The thought before the answer.</summary>
    Reasoning,

    /// <summary>A tool call begins: its whole name, before any of its arguments.</summary>
    ToolCall,

    /// <summary>A piece of a call's arguments.</summary>
    Arguments,
}

/// <summary>A piece of a model's output. Pieces are final: nothing is taken back.</summary>
/// <param name="Kind">What the text belongs to.</param>
/// <param name="Text">The text: a call's name, or a piece of content, reasoning or arguments.</param>
/// <param name="ToolIndex">Index of the call from 0, or -1.</param>
/// <param name="ToolId">The call's id if the model wrote one itself, else null.</param>
public readonly record struct ChatDelta(
    ChatDeltaKind Kind, string Text, int ToolIndex = -1, string? ToolId = null);
