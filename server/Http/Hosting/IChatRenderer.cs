using Engine.Server.Http.Protocol;

namespace Engine.Server.Http.Hosting;

/// <summary>Turns a conversation into a prompt.</summary>
internal interface IChatRenderer
{
    /// <exception cref="ApiException">400: there is no template, or it refuses the messages.</exception>
    ChatPrompt Render(ChatFields chat);
}

/// <summary>A conversation as a prompt.</summary>
/// <param name="Text">The prompt.</param>
/// <param name="Cuts">Places in it that no control token may reach over: a message spells one there.</param>
internal readonly record struct ChatPrompt(string Text, IReadOnlyList<int> Cuts);

/// <summary>A model without a usable chat template: chat is refused rather than guessed.</summary>
internal sealed class NoChatTemplate(string reason = "the model has no chat template") : IChatRenderer
{
    public ChatPrompt Render(ChatFields chat) => throw ApiException.BadRequest(
        $"messages: {reason}; another can be given with --chat-template.", "messages");
}
