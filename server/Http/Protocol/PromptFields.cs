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
        JsonElement body, ServedModel model, ServerOptions options, bool addSpecialTokens, Truncation truncate)
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

    private static PromptState FromText(JsonElement item, ServedModel model, bool addSpecialTokens, Truncation truncate)
    {
        string text = item.GetString()!;
        if (text.Length == 0)
        {
            throw ApiException.BadRequest("prompt: must not be empty.", Name);
        }

        return PromptLimits.FromText(text, model, addSpecialTokens, truncate, Name);
    }

    private static PromptState FromIds(JsonElement item, ServedModel model, Truncation truncate)
    {
        int[] ids = TokenIdList.Parse(item, model.VocabSize, Name);
        return PromptLimits.FromIds(null, ids, model, truncate, Name);
    }
}

/// <summary>truncate_prompt_tokens and truncation_side.</summary>
/// <param name="MaxTokens">Kept of a prompt, -1 as many as fit; null cuts nothing.</param>
/// <param name="CutsEnd">The first ones are kept, not the last.</param>
/// <param name="Room">For the output: how much less than the model's length fits.</param>
internal readonly record struct Truncation(int? MaxTokens, bool CutsEnd, int Room);

/// <summary>Holds prompts to the model's length before the engine sees them.</summary>
internal static class PromptLimits
{
    // No known vocabulary has a longer token; a text beyond this times the context cannot fit.
    private const int MaxCharsPerToken = 1024;

    public static PromptState FromText(
        string text, ServedModel model, bool addSpecialTokens, Truncation truncate, string name)
    {
        CheckChars(text, model, truncate);
        return FromIds(text, model.Tokenizer.Encode(text, addSpecialTokens), model, truncate, name);
    }

    /// <summary>A rendered conversation: what only the template may write is text where a message wrote it.</summary>
    public static PromptState FromChat(ChatPrompt prompt, ServedModel model, bool addSpecialTokens, Truncation truncate)
    {
        CheckChars(prompt.Text, model, truncate);
        int[] ids = model.Tokenizer.EncodePrompt(prompt.Text, prompt.Cuts, addSpecialTokens);
        return FromIds(prompt.Text, ids, model, truncate, "messages");
    }

    public static PromptState FromIds(string? text, int[] ids, ServedModel model, Truncation truncate, string name)
    {
        if (truncate.MaxTokens is { } limit)
        {
            int keep = limit < 0 ? Math.Max(1, model.MaxModelLen - truncate.Room) : limit;
            ids = ids.Length <= keep ? ids : truncate.CutsEnd ? ids[..keep] : ids[^keep..];
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

    private static void CheckChars(string text, ServedModel model, Truncation truncate)
    {
        if (truncate.MaxTokens is null && text.Length > (long)model.MaxModelLen * MaxCharsPerToken)
        {
            throw TooLong(model, $"of {text.Length} characters");
        }
    }

    private static ApiException TooLong(ServedModel model, string size) => ApiException.BadRequest(
        $"The prompt {size} is too long: the model takes {model.MaxModelLen} tokens, output included.",
        "input_tokens");
}
