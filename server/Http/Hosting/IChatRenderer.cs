using Engine.Server.Http.Protocol;

namespace Engine.Server.Http.Hosting;

/// <summary>Turns a conversation into a prompt.</summary>
internal interface IChatRenderer
{
    /// <exception cref="ApiException">400: there is no template, or it refuses the messages.</exception>
    string Render(ChatFields chat);
}

/// <summary>A model without a chat template: chat is refused rather than guessed.</summary>
internal sealed class NoChatTemplate : IChatRenderer
{
    public string Render(ChatFields chat) => throw ApiException.BadRequest(
        "messages: the model has no chat template; start the server with --chat-template.", "messages");
}
