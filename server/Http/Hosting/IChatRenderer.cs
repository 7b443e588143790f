using Engine.Server.Http.Protocol;

namespace Engine.Server.Http.Hosting;

/// <summary>Turns a conversation into a prompt.</summary>
internal interface IChatRenderer
{
    /// <exception cref="ApiException">400: there is no template, or it refuses the messages.</exception>
    string Render(ChatFields chat);
}

/// <summary>A model without a usable chat template: chat is refused rather than guessed.</summary>
internal sealed class NoChatTemplate(string reason = "the model has no chat template") : IChatRenderer
{
    public string Render(ChatFields chat) => throw ApiException.BadRequest(
        $"messages: {reason}; another can be given with --chat-template.", "messages");
}
