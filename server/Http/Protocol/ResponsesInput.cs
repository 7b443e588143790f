using System.Text.Json;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Protocol;

/// <summary>
/// Turns input items of /v1/responses into messages. What an assistant did stands in several items there
/// (a thought, a text, calls) and in one message here.
/// </summary>
internal sealed class ResponsesInput
{
    private const string Name = "input";

    private readonly Utf8JsonWriter _json;
    private readonly List<JsonElement> _calls = [];
    private string? _text;
    private string _thought = "";

    private ResponsesInput(Utf8JsonWriter json) => _json = json;

    /// <param name="json">Stands inside of the list of messages.</param>
    /// <param name="input">A text or a list of items.</param>
    /// <exception cref="ApiException">400 naming the field.</exception>
    public static void Write(Utf8JsonWriter json, JsonElement input)
    {
        var writer = new ResponsesInput(json);
        if (input.ValueKind == JsonValueKind.String)
        {
            writer.WriteMessage("user", input.GetString()!);
            return;
        }

        if (input.ValueKind != JsonValueKind.Array)
        {
            throw ApiException.BadRequest("input: must be a string or a list of items.", Name);
        }

        int index = 0;
        foreach (JsonElement item in input.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Object)
            {
                throw Bad(index, "must be an object");
            }

            writer.Add(item, index++);
        }

        writer.EndTurn();
    }

    private void Add(JsonElement item, int index)
    {
        switch (Fields.GetString(item, "type") ?? "message")
        {
            case "message":
                AddMessage(item, index);
                break;
            case "function_call":
                if (Fields.GetString(item, "name") is null || Fields.GetString(item, "call_id") is null)
                {
                    throw Bad(index, "a function_call needs name and call_id");
                }

                _calls.Add(item);
                break;
            case "function_call_output":
                EndTurn();
                WriteResult(item, index);
                break;
            case "reasoning":
                EndTurn();
                _thought = Fields.TryGet(item, "content", out JsonElement thought)
                    ? TextOf(thought, index)
                    : "";
                break;
            default:
                throw Bad(index, "the type is not supported; message, reasoning, function_call and "
                    + "function_call_output are");
        }
    }

    private void AddMessage(JsonElement item, int index)
    {
        string role = Fields.GetString(item, "role") ?? throw Bad(index, "a role is needed");
        string text = Fields.TryGet(item, "content", out JsonElement content)
            ? TextOf(content, index)
            : throw Bad(index, "content is needed");
        if (role == "assistant")
        {
            if (_text is not null || _calls.Count > 0)
            {
                EndTurn();
            }

            _text = text;
            return;
        }

        EndTurn();
        WriteMessage(role, text);
    }

    private void WriteMessage(string role, string text)
    {
        _json.WriteStartObject();
        _json.WriteString("role", role);
        _json.WriteString("content", text);
        _json.WriteEndObject();
    }

    private void WriteResult(JsonElement item, int index)
    {
        _json.WriteStartObject();
        _json.WriteString("role", "tool");
        _json.WriteString(
            "tool_call_id",
            Fields.GetString(item, "call_id") ?? throw Bad(index, "a function_call_output needs call_id"));
        _json.WriteString(
            "content", Fields.TryGet(item, "output", out JsonElement output) ? TextOf(output, index) : "");
        _json.WriteEndObject();
    }

    private void EndTurn()
    {
        if (_text is null && _calls.Count == 0 && _thought.Length == 0)
        {
            return;
        }

        _json.WriteStartObject();
        _json.WriteString("role", "assistant");
        _json.WriteString("content", _text ?? "");
        if (_thought.Length > 0)
        {
            _json.WriteString("reasoning_content", _thought);
        }

        if (_calls.Count > 0)
        {
            _json.WriteStartArray("tool_calls");
            foreach (JsonElement call in _calls)
            {
                _json.WriteStartObject();
                _json.WriteString("id", Fields.GetString(call, "call_id"));
                _json.WriteString("type", "function");
                _json.WriteStartObject("function");
                _json.WriteString("name", Fields.GetString(call, "name"));
                _json.WriteString("arguments", Fields.GetString(call, "arguments") ?? "{}");
                _json.WriteEndObject();
                _json.WriteEndObject();
            }

            _json.WriteEndArray();
        }

        _json.WriteEndObject();
        _text = null;
        _thought = "";
        _calls.Clear();
    }

    private static string TextOf(JsonElement content, int index)
    {
        if (content.ValueKind == JsonValueKind.String)
        {
            return content.GetString()!;
        }

        if (content.ValueKind != JsonValueKind.Array)
        {
            throw Bad(index, "content must be a string or a list of parts");
        }

        return string.Join('\n', content.EnumerateArray().Select(part =>
            part.ValueKind == JsonValueKind.Object
            && Fields.GetString(part, "type") is "input_text" or "output_text" or "text" or "reasoning_text"
                ? Fields.GetString(part, "text") ?? throw Bad(index, "a text part needs a text")
                : throw Bad(index, "the model takes text parts alone")));
    }

    private static ApiException Bad(int index, string message) =>
        ApiException.BadRequest($"input[{index}]: {message}.", Name);
}
