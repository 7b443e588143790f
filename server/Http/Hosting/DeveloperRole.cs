using System.Text.Json;
using Engine.Server.Terminal;

namespace Engine.Server.Http.Hosting;

/// <summary>OpenAI's newer name for who writes system messages. Few templates know it, and some refuse it.</summary>
internal static class DeveloperRole
{
    private const string Name = "developer";

    /// <summary>The messages, with "system" for "developer" unless the template knows the word.</summary>
    /// <param name="messages">Checked.</param>
    /// <param name="template">The chat template's text.</param>
    public static JsonElement Translate(JsonElement messages, string template)
    {
        if (template.Contains(Name, StringComparison.Ordinal)
            || !messages.EnumerateArray().Any(message => message.GetProperty("role").ValueEquals(Name)))
        {
            return messages;
        }

        return JsonText.Element(json =>
        {
            json.WriteStartArray();
            foreach (JsonElement message in messages.EnumerateArray())
            {
                json.WriteStartObject();
                foreach (JsonProperty member in message.EnumerateObject())
                {
                    if (member.NameEquals("role") && member.Value.ValueEquals(Name))
                    {
                        json.WriteString("role", "system");
                    }
                    else
                    {
                        member.WriteTo(json);
                    }
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }
}
