using System.Text.Json;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Protocol;

namespace Engine.Server.Tests.Support;

/// <summary>Joins the contents; refuses a system message that is not the first, as many templates do.</summary>
internal sealed class FakeChat : IChatRenderer
{
    public ChatPrompt Render(ChatFields chat)
    {
        string text = "";
        int index = 0;
        foreach (JsonElement message in chat.Messages.EnumerateArray())
        {
            if (index++ > 0 && message.GetProperty("role").GetString() == "system")
            {
                throw ApiException.BadRequest("messages: the system message must be the first.", "messages");
            }

            text += message.GetProperty("content").ToString() + "\n";
        }

        return new ChatPrompt(text, []);
    }
}
