using System.Text.Json;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Protocol;

/// <summary>Fields that change nothing here: what has the wrong type is refused all the same.</summary>
internal static class PassiveFields
{
    // Who asks, and hints of what to keep or how to word it.
    private static readonly string[] _strings =
    [
        "user", "service_tier", "session_id", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "verbosity",
        "guided_decoding_backend",
    ];

    /// <summary>Those of the generating endpoints.</summary>
    /// <exception cref="ApiException">400 naming the field.</exception>
    public static void Check(JsonElement body)
    {
        foreach (string name in _strings)
        {
            _ = Fields.GetString(body, name);
        }

        foreach (string name in (string[])["store", "return_token_offsets", "return_mm_kwargs"])
        {
            _ = Fields.GetBool(body, name);
        }

        foreach (string name in (string[])["metadata", "vllm_xargs", "mm_processor_kwargs", "media_io_kwargs", "prediction"])
        {
            _ = Fields.GetObject(body, name);
        }

        if (Fields.GetInt(body, "routed_experts_prompt_start") < 0)
        {
            throw ApiException.BadRequest(
                "routed_experts_prompt_start: must be at least 0.", "routed_experts_prompt_start");
        }
    }

    /// <summary>Those of the routes of texts.</summary>
    /// <exception cref="ApiException">400 naming the field.</exception>
    public static void CheckPooling(JsonElement body)
    {
        foreach (string name in (string[])["user", "request_id", "cache_salt"])
        {
            _ = Fields.GetString(body, name);
        }

        _ = Fields.GetInt(body, "priority");
        _ = Fields.GetObject(body, "mm_processor_kwargs");
        if (TruncationSide(body) == "left")
        {
            throw ApiException.BadRequest("truncation_side: texts are cut at their end alone.", "truncation_side");
        }

        if (Fields.GetString(body, "padding") is not (null or "do_not_pad"))
        {
            throw ApiException.BadRequest("padding: texts are not padded; must be do_not_pad.", "padding");
        }

        CheckOnly(body, "embed_dtype", "float32");
        CheckOnly(body, "endianness", "native", "little");
    }

    /// <summary>left, right or null.</summary>
    /// <exception cref="ApiException">400: another word.</exception>
    public static string? TruncationSide(JsonElement body)
    {
        const string name = "truncation_side";
        string? side = Fields.GetString(body, name);
        return side is null or "left" or "right"
            ? side
            : throw ApiException.BadRequest($"{name}: must be left or right.", name);
    }

    private static void CheckOnly(JsonElement body, string name, params string[] taken)
    {
        if (Fields.GetString(body, name) is { } value && !taken.Contains(value, StringComparer.Ordinal))
        {
            throw ApiException.BadRequest($"{name}: must be {string.Join(" or ", taken)}.", name);
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
