using System.Text.Json;
using Engine.Chat;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Protocol;

/// <summary>Checks the messages of a chat request, each of which may come from anywhere.</summary>
internal static class MessageFields
{
    private const string Name = "messages";

    private static readonly string[] _roles = ["system", "developer", "user", "assistant", "tool", "function"];

    private static readonly string[] _mediaParts =
        ["image_url", "image", "image_embeds", "input_image", "input_audio", "audio_url", "video_url", "file"];

    /// <summary>The list, checked.</summary>
    public static JsonElement Parse(JsonElement body)
    {
        JsonElement messages = Fields.GetArray(body, Name)
            ?? throw ApiException.BadRequest("messages: a list is needed.", Name);
        if (messages.GetArrayLength() == 0)
        {
            throw ApiException.BadRequest("messages: must not be empty.", Name);
        }

        int index = 0;
        foreach (JsonElement message in messages.EnumerateArray())
        {
            CheckMessage(message, index++);
        }

        return messages;
    }

    private static void CheckMessage(JsonElement message, int index)
    {
        if (message.ValueKind != JsonValueKind.Object)
        {
            throw Bad(index, $"must be an object, found {StrictJson.KindName(message.ValueKind)}");
        }

        if (!Fields.TryGet(message, "role", out JsonElement role) || role.ValueKind != JsonValueKind.String)
        {
            throw Bad(index, "a role is needed");
        }

        string roleName = role.GetString()!;
        if (!_roles.Contains(roleName, StringComparer.Ordinal))
        {
            throw Bad(index, $"role must be one of {string.Join(", ", _roles)}");
        }

        if (roleName == "tool" && (!Fields.TryGet(message, "tool_call_id", out JsonElement id)
            || id.ValueKind != JsonValueKind.String))
        {
            throw Bad(index, "a tool message needs tool_call_id");
        }

        if (Fields.TryGet(message, "name", out JsonElement name) && name.ValueKind != JsonValueKind.String)
        {
            throw Bad(index, "name must be a string");
        }

        CheckContent(message, roleName, index);
        CheckToolCalls(message, index);
    }

    private static void CheckContent(JsonElement message, string role, int index)
    {
        if (!Fields.TryGet(message, "content", out JsonElement content))
        {
            if (role is not ("assistant" or "function"))
            {
                throw Bad(index, "content is needed");
            }

            return;
        }

        if (content.ValueKind == JsonValueKind.String)
        {
            return;
        }

        if (content.ValueKind != JsonValueKind.Array)
        {
            throw Bad(index, $"content must be a string or a list of parts, found {StrictJson.KindName(content.ValueKind)}");
        }

        foreach (JsonElement part in content.EnumerateArray())
        {
            CheckPart(part, index);
        }
    }

    private static void CheckPart(JsonElement part, int index)
    {
        if (part.ValueKind == JsonValueKind.String)
        {
            return;
        }

        if (part.ValueKind != JsonValueKind.Object
            || !Fields.TryGet(part, "type", out JsonElement type) || type.ValueKind != JsonValueKind.String)
        {
            throw Bad(index, "each content part needs a type");
        }

        string typeName = type.GetString()!;
        if (_mediaParts.Contains(typeName, StringComparer.Ordinal))
        {
            throw Bad(index, $"the model takes text alone; a part is of type {typeName}");
        }

        string? textName = ContentParts.TextMember(typeName) ?? throw Bad(index, "a content part has an unknown type");
        if (!Fields.TryGet(part, textName, out JsonElement text) || text.ValueKind != JsonValueKind.String)
        {
            throw Bad(index, $"a part of type {typeName} needs a string \"{textName}\"");
        }
    }

    private static void CheckToolCalls(JsonElement message, int index)
    {
        if (!Fields.TryGet(message, "tool_calls", out JsonElement calls))
        {
            return;
        }

        if (calls.ValueKind != JsonValueKind.Array)
        {
            throw Bad(index, "tool_calls must be a list");
        }

        foreach (JsonElement call in calls.EnumerateArray())
        {
            if (call.ValueKind != JsonValueKind.Object
                || !Fields.TryGet(call, "function", out JsonElement function)
                || function.ValueKind != JsonValueKind.Object
                || !Fields.TryGet(function, "name", out JsonElement name)
                || name.ValueKind != JsonValueKind.String)
            {
                throw Bad(index, "each tool call needs function.name");
            }

            if (Fields.TryGet(call, "id", out JsonElement id) && id.ValueKind != JsonValueKind.String)
            {
                throw Bad(index, "the id of a tool call must be a string");
            }

            if (Fields.TryGet(function, "arguments", out JsonElement arguments) && !AreArguments(arguments))
            {
                throw Bad(index, "function.arguments must be a JSON object, written as a string");
            }
        }
    }

    private static bool AreArguments(JsonElement arguments)
    {
        if (arguments.ValueKind == JsonValueKind.Object)
        {
            return true;
        }

        if (arguments.ValueKind != JsonValueKind.String)
        {
            return false;
        }

        string text = arguments.GetString()!;
        if (text.Length == 0)
        {
            return true;
        }

        try
        {
            using var parsed = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = StrictJson.MaxDepth });
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static ApiException Bad(int index, string message) =>
        ApiException.BadRequest($"messages[{index}]: {message}.", Name);
}
