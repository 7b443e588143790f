using System.Text.Json;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Generation;

/// <summary>The response as one object, as it is answered and as events carry it.</summary>
internal sealed partial class ResponsesFormat
{
    /// <summary>The response as it stands.</summary>
    /// <param name="json">Gets it.</param>
    /// <param name="status">queued and in_progress show no items yet.</param>
    public void WriteResponse(Utf8JsonWriter json, string status)
    {
        bool isUnderWay = status is "queued" or "in_progress";
        json.WriteStartObject();
        json.WriteString("id", Id);
        json.WriteString("object", "response");
        json.WriteNumber("created_at", CreatedS);
        json.WriteString("model", Model);
        json.WriteString("status", status);
        json.WriteBoolean("background", isBackground);
        json.WriteStartArray("output");
        foreach (ResponseItem item in _items.Where(_ => !isUnderWay))
        {
            item.Write(json);
        }

        json.WriteEndArray();
        WriteProblem(json, status);
        WriteRequest(json);
        WriteResponseUsage(json, isUnderWay);
        json.WriteEndObject();
    }

    private void WriteProblem(Utf8JsonWriter json, string status)
    {
        if (status == "failed")
        {
            json.WriteStartObject("error");
            json.WriteString("code", "server_error");
            json.WriteString("message", Job.Error!.Message);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("error");
        }

        if (status == "incomplete")
        {
            json.WriteStartObject("incomplete_details");
            json.WriteString("reason", "max_output_tokens");
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("incomplete_details");
        }
    }

    // What clients expect to find again.
    private void WriteRequest(Utf8JsonWriter json)
    {
        foreach (string name in (string[])["instructions", "metadata", "max_output_tokens", "reasoning", "text"])
        {
            if (Fields.TryGet(request, name, out JsonElement value))
            {
                json.WritePropertyName(name);
                value.WriteTo(json);
            }
            else
            {
                json.WriteNull(name);
            }
        }

        json.WriteBoolean("parallel_tool_calls", Fields.GetBool(request, "parallel_tool_calls") ?? true);
        json.WriteNumber("temperature", Job.Fields.Sampling.Temperature);
        json.WriteNumber("top_p", Job.Fields.Sampling.TopP);
        json.WriteString("previous_response_id", Fields.GetString(request, "previous_response_id"));
        json.WriteBoolean("store", chain is not null);
        json.WritePropertyName("tool_choice");
        if (Fields.TryGet(request, "tool_choice", out JsonElement choice))
        {
            choice.WriteTo(json);
        }
        else
        {
            json.WriteStringValue("auto");
        }

        json.WriteStartArray("tools");
        if (Fields.GetArray(request, "tools") is { } tools)
        {
            foreach (JsonElement tool in tools.EnumerateArray())
            {
                tool.WriteTo(json);
            }
        }

        json.WriteEndArray();
    }

    private void WriteResponseUsage(Utf8JsonWriter json, bool isUnderWay)
    {
        if (isUnderWay)
        {
            json.WriteNull("usage");
            return;
        }

        json.WriteStartObject("usage");
        json.WriteNumber("input_tokens", Job.NumPromptTokens);
        json.WriteStartObject("input_tokens_details");
        json.WriteNumber("cached_tokens", Job.NumCachedTokens);
        json.WriteEndObject();
        json.WriteNumber("output_tokens", Job.NumGeneratedTokens);
        json.WriteStartObject("output_tokens_details");
        json.WriteNumber("reasoning_tokens", _thoughts.Count);
        json.WriteEndObject();
        json.WriteNumber("total_tokens", Job.NumPromptTokens + Job.NumGeneratedTokens);
        json.WriteEndObject();
    }
}
