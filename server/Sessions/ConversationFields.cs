using System.Text.Json;
using Engine.Server.Http.Protocol;
using Engine.Server.Terminal;

namespace Engine.Server.Sessions;

/// <summary>Makes the fields of a chat request from roles and texts.</summary>
internal static class ConversationFields
{
    public static ChatFields Create(IEnumerable<(string Role, string Text)> messages)
    {
        string text = JsonText.Write(json =>
        {
            json.WriteStartArray();
            foreach ((string role, string content) in messages)
            {
                json.WriteStartObject();
                json.WriteString("role", role);
                json.WriteString("content", content);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
        using JsonDocument document = JsonDocument.Parse(text);
        return new ChatFields { Messages = document.RootElement.Clone(), AddGenerationPrompt = true };
    }
}
