using System.Text.Json;
using Engine.Server.Http.Generation;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Protocol;

/// <summary>The prompt of /v1/completions: a string, strings, ids, or lists of ids.</summary>
internal static class PromptFields
{
    private const string Name = "prompt";

    public static List<PromptState> Parse(
        JsonElement body, ServedModel model, ServerOptions options, bool addSpecialTokens, int? truncate)
    {
        if (!Fields.TryGet(body, Name, out JsonElement prompt))
        {
            throw ApiException.BadRequest("prompt: is needed.", Name);
        }

        if (prompt.ValueKind == JsonValueKind.String)
        {
            return [FromText(prompt, model, addSpecialTokens, truncate)];
        }

        if (prompt.ValueKind != JsonValueKind.Array || prompt.GetArrayLength() == 0)
        {
            throw ApiException.BadRequest(
                "prompt: must be a string, a list of strings, a list of token ids, or a list of such lists, "
                + "and not empty.", Name);
        }

        if (prompt[0].ValueKind == JsonValueKind.Number)
        {
            return [FromIds(prompt, model, truncate)];
        }

        if (prompt.GetArrayLength() > options.MaxPrompts)
        {
            throw ApiException.BadRequest(
                $"prompt: at most {options.MaxPrompts} prompts are taken at once.", Name);
        }

        JsonValueKind kind = prompt[0].ValueKind;
        var prompts = new List<PromptState>(prompt.GetArrayLength());
        foreach (JsonElement item in prompt.EnumerateArray())
        {
            if (item.ValueKind != kind || kind is not (JsonValueKind.String or JsonValueKind.Array))
            {
                throw ApiException.BadRequest("prompt: a list must hold strings, or lists of token ids.", Name);
            }

            prompts.Add(kind == JsonValueKind.String
                ? FromText(item, model, addSpecialTokens, truncate)
                : FromIds(item, model, truncate));
        }

        return prompts;
    }

    private static PromptState FromText(JsonElement item, ServedModel model, bool addSpecialTokens, int? truncate)
    {
        string text = item.GetString()!;
        if (text.Length == 0)
        {
            throw ApiException.BadRequest("prompt: must not be empty.", Name);
        }

        return PromptLimits.FromText(text, model, addSpecialTokens, truncate, Name);
    }

    private static PromptState FromIds(JsonElement item, ServedModel model, int? truncate)
    {
        int[] ids = TokenIdList.Parse(item, model.VocabSize, Name);
        return PromptLimits.FromIds(null, ids, model, truncate, Name);
    }
}

/// <summary>Holds prompts to the model's length before the engine sees them.</summary>
internal static class PromptLimits
{
    // No known vocabulary has a longer token; a text beyond this times the context cannot fit.
    private const int MaxCharsPerToken = 1024;

    public static PromptState FromText(
        string text, ServedModel model, bool addSpecialTokens, int? truncate, string name)
    {
        CheckChars(text, model, truncate);
        return FromIds(text, model.Tokenizer.Encode(text, addSpecialTokens), model, truncate, name);
    }

    /// <summary>A rendered conversation: what only the template may write is text where a message wrote it.</summary>
    public static PromptState FromChat(ChatPrompt prompt, ServedModel model, bool addSpecialTokens, int? truncate)
    {
        CheckChars(prompt.Text, model, truncate);
        int[] ids = model.Tokenizer.EncodePrompt(prompt.Text, prompt.Cuts, addSpecialTokens);
        return FromIds(prompt.Text, ids, model, truncate, "messages");
    }

    public static PromptState FromIds(string? text, int[] ids, ServedModel model, int? truncate, string name)
    {
        if (truncate is { } limit)
        {
            int keep = limit < 0 ? model.MaxModelLen - 1 : limit;
            ids = ids.Length > keep ? ids[^keep..] : ids;
        }

        if (ids.Length == 0)
        {
            throw ApiException.BadRequest($"{name}: has no tokens.", name);
        }

        if (ids.Length >= model.MaxModelLen)
        {
            throw TooLong(model, $"of {ids.Length} tokens");
        }

        return new PromptState { Text = text, TokenIds = ids };
    }

    /// <summary>Prompt plus max_tokens must fit.</summary>
    public static void CheckRoom(PromptState prompt, int? maxTokens, ServedModel model)
    {
        if (maxTokens is { } wanted && (long)prompt.TokenIds.Count + wanted > model.MaxModelLen)
        {
            throw ApiException.BadRequest(
                $"max_tokens: {wanted} is too large: the model's length is {model.MaxModelLen} tokens and the "
                + $"prompt has {prompt.TokenIds.Count}.", "max_tokens");
        }
    }

    private static void CheckChars(string text, ServedModel model, int? truncate)
    {
        if (truncate is null && text.Length > (long)model.MaxModelLen * MaxCharsPerToken)
        {
            throw TooLong(model, $"of {text.Length} characters");
        }
    }

    private static ApiException TooLong(ServedModel model, string size) => ApiException.BadRequest(
        $"The prompt {size} is too long: the model takes {model.MaxModelLen} tokens, output included.",
        "input_tokens");
}
