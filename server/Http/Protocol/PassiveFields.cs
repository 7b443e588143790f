using System.Text.Json;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Protocol;

/// <summary>Fields that change nothing here: what has the wrong type is refused all the same.</summary>
internal static class PassiveFields
{
    /// <summary>Those of the generating endpoints.</summary>
    /// <exception cref="ApiException">400 naming the field.</exception>
    public static void Check(JsonElement body)
    {
        _ = Fields.GetString(body, "user");
        _ = Fields.GetString(body, "service_tier");
        _ = Fields.GetBool(body, "store");
        foreach (string name in (string[])["metadata", "vllm_xargs", "mm_processor_kwargs"])
        {
            _ = Fields.GetObject(body, name);
        }
    }

    /// <summary>Those of /v1/responses, which go no further.</summary>
    /// <exception cref="ApiException">400 naming the field.</exception>
    public static void CheckResponses(JsonElement body)
    {
        Check(body);
        _ = Fields.GetInt(body, "max_tool_calls");
        if (Fields.GetString(body, "truncation") is not (null or "auto" or "disabled"))
        {
            throw ApiException.BadRequest("truncation: must be auto or disabled.", "truncation");
        }

        // What a kind of output brings along; kinds that are not made here bring nothing.
        if (Fields.GetArray(body, "include") is { } include && include.EnumerateArray().Any(item =>
            item.ValueKind != JsonValueKind.String || !item.GetString()!.Contains('.', StringComparison.Ordinal)))
        {
            throw ApiException.BadRequest("include: must be a list of outputs' names.", "include");
        }
    }

    /// <summary>Those of /v1/messages, which go no further.</summary>
    /// <exception cref="ApiException">400 naming the field.</exception>
    public static void CheckMessages(JsonElement body)
    {
        _ = Fields.GetString(body, "service_tier");
        if (Fields.GetObject(body, "metadata") is { } metadata)
        {
            _ = Fields.GetString(metadata, "user_id", "metadata");
        }
    }
}
