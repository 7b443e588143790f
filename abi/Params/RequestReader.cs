using System.Text.Json;
using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Abi.Params;

/// <summary>Params of a request, and what was handed in beside them, to a GenerationRequest.</summary>
internal static class RequestReader
{
    /// <summary>Builds the request.</summary>
    /// <param name="values">The params' settings.</param>
    /// <param name="prompt">The prompt as text, or null.</param>
    /// <param name="promptIds">The prompt as ids, or null.</param>
    /// <param name="userTag">Returned with every event.</param>
    public static GenerationRequest Read(
        Dictionary<string, JsonElement> values, string? prompt, int[]? promptIds, ulong userTag)
    {
        var sampling = new SamplingParams();
        foreach ((string key, JsonElement value) in values)
        {
            if (SamplingSchema.Find(key) is { } field)
            {
                sampling = field.Set(sampling, ParamValue.From(value));
            }
        }

        IReadOnlyList<int>? ids = promptIds;
        int sources = (prompt is null ? 0 : 1) + (ids is null ? 0 : 1);
        if (OptionsReader.Text(values, "prompt") is { } text)
        {
            prompt = text;
            sources++;
        }

        if (OptionsReader.Has(values, "prompt_token_ids", out JsonElement list))
        {
            ids = Ids("prompt_token_ids", list);
            sources++;
        }

        if (sources != 1)
        {
            throw EngineException.Invalid(
                "prompt", sources == 0 ? "neither text nor ids were given" : "given more than once");
        }

        return new GenerationRequest
        {
            Prompt = prompt,
            PromptTokenIds = ids,
            AddSpecialTokens = OptionsReader.Bool(values, "add_special_tokens") ?? true,
            Sampling = sampling,
            RequestId = OptionsReader.Text(values, "request_id"),
            UserTag = userTag,
            Priority = OptionsReader.Int(values, "priority") ?? 0,
            CacheSalt = OptionsReader.Text(values, "cache_salt"),
        };
    }

    /// <summary>A list of ids.</summary>
    public static int[] Ids(string key, JsonElement list)
    {
        if (list.ValueKind != JsonValueKind.Array)
        {
            throw EngineException.Invalid(key, "expected a list of token ids");
        }

        int[] ids = new int[list.GetArrayLength()];
        int count = 0;
        foreach (JsonElement item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out ids[count]))
            {
                throw EngineException.Invalid($"{key}[{count}]", $"{item.GetRawText()} is not a token id");
            }

            count++;
        }

        return ids;
    }
}
