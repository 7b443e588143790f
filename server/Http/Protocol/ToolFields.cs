using System.Text.Json;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Protocol;

/// <summary>tools and tool_choice of a chat request, checked.</summary>
/// <param name="Tools">The list as sent, for the template; null if there are none.</param>
internal sealed record ToolFields(JsonElement? Tools)
{
    private const string ChoiceName = "tool_choice";

    public static ToolFields Parse(JsonElement body)
    {
        JsonElement? tools = Fields.GetArray(body, "tools");
        var names = new HashSet<string>(StringComparer.Ordinal);
        if (tools is { } list)
        {
            if (list.GetArrayLength() == 0)
            {
                throw ApiException.BadRequest("tools: must not be empty.", "tools");
            }

            foreach (JsonElement tool in list.EnumerateArray())
            {
                names.Add(NameOf(tool));
            }
        }

        CheckChoice(body, tools is not null, names);
        return new ToolFields(tools);
    }

    private static string NameOf(JsonElement tool)
    {
        if (tool.ValueKind != JsonValueKind.Object
            || !Fields.TryGet(tool, "function", out JsonElement function)
            || function.ValueKind != JsonValueKind.Object)
        {
            throw ApiException.BadRequest("tools: each needs an object \"function\".", "tools");
        }

        if (!Fields.TryGet(function, "name", out JsonElement name)
            || name.ValueKind != JsonValueKind.String || name.GetString()!.Length == 0)
        {
            throw ApiException.BadRequest("tools: each function needs a name.", "tools");
        }

        if (Fields.TryGet(function, "parameters", out JsonElement parameters)
            && parameters.ValueKind != JsonValueKind.Object)
        {
            throw ApiException.BadRequest("tools: parameters must be a JSON Schema object.", "tools");
        }

        return name.GetString()!;
    }

    private static void CheckChoice(JsonElement body, bool hasTools, HashSet<string> names)
    {
        if (!Fields.TryGet(body, ChoiceName, out JsonElement choice))
        {
            return;
        }

        string? word = choice.ValueKind == JsonValueKind.String ? choice.GetString() : null;
        if (word == "none")
        {
            return;
        }

        if (!hasTools)
        {
            throw ApiException.BadRequest("tool_choice: needs tools.", ChoiceName);
        }

        if (choice.ValueKind == JsonValueKind.Object)
        {
            CheckNamed(choice, names);
        }
        else if (word is not ("auto" or "required"))
        {
            throw ApiException.BadRequest(
                "tool_choice: must be none, auto, required or a named function.", ChoiceName);
        }

        if (word != "auto")
        {
            throw StructuredOutputFields.IsConstrained(body)
                ? ApiException.BadRequest(
                    "tool_choice: a forced tool call and a constrained output exclude each other.", ChoiceName)
                : ApiException.BadRequest(
                    "tool_choice: forced tool calls are not available in this build.", ChoiceName);
        }
    }

    private static void CheckNamed(JsonElement choice, HashSet<string> names)
    {
        const string path = "tool_choice.function.name";
        if (!Fields.TryGet(choice, "function", out JsonElement function)
            || function.ValueKind != JsonValueKind.Object
            || !Fields.TryGet(function, "name", out JsonElement name)
            || name.ValueKind != JsonValueKind.String)
        {
            throw ApiException.BadRequest($"{path}: a string is needed.", path);
        }

        if (!names.Contains(name.GetString()!))
        {
            throw ApiException.BadRequest("tool_choice: names none of the tools.", ChoiceName);
        }
    }
}
