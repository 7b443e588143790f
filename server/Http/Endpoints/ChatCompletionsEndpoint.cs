using System.Text.Json;
using Engine.Server.Http.Generation;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;
using Engine.Server.Http.Protocol;

namespace Engine.Server.Http.Endpoints;

/// <summary>POST /v1/chat/completions.</summary>
internal sealed class ChatCompletionsEndpoint(ServedModel model, ServerOptions options)
{
    public async Task HandleAsync(HttpContext context)
    {
        ChatFormat format;
        using (JsonDocument body = await RequestBody.ReadObjectAsync(context))
        {
            format = Prepare(context, body.RootElement);
        }

        await GenerationRunner.RunAsync(context, format, options);
    }

    private ChatFormat Prepare(HttpContext context, JsonElement body)
    {
        model.CheckName(Fields.GetString(body, "model"));
        ChatFields chat = ChatFields.Parse(body, options);
        GenerationFields fields = GenerationFieldsParser.Parse(
            body,
            model,
            options,
            new EndpointSampling
            {
                NumLogprobs = NumLogprobs(body),
                MaxTokensOverride = MaxTokens(body),
            });
        string text = model.Chat.Render(chat);
        PromptState prompt = PromptLimits.FromText(
            text, model, Fields.GetBool(body, "add_special_tokens") ?? false, fields.TruncatePromptTokens, "messages");
        PromptLimits.CheckRoom(prompt, fields.MaxTokensGiven, model);
        var job = new GenerationJob(model, fields, [prompt], options.MaxSseBacklog);
        string id = "chatcmpl-" + (fields.RequestId ?? context.TraceIdentifier);
        return new ChatFormat(job, id, model, chat.EchoText);
    }

    private static int? MaxTokens(JsonElement body)
    {
        if (Fields.GetInt(body, "max_completion_tokens") is not { } maxTokens)
        {
            return null;
        }

        return maxTokens > 0
            ? maxTokens
            : throw ApiException.BadRequest("max_completion_tokens: must be at least 1.", "max_tokens");
    }

    private int? NumLogprobs(JsonElement body)
    {
        bool wanted = Fields.GetBool(body, "logprobs") ?? false;
        int? numTop = Fields.GetInt(body, "top_logprobs");
        if (numTop is null)
        {
            return wanted ? 0 : null;
        }

        if (!wanted && numTop != 0)
        {
            throw ApiException.BadRequest("top_logprobs: needs logprobs to be true.", "top_logprobs");
        }

        int max = model.Engine.Options.MaxLogprobs;
        if (numTop < -1)
        {
            throw ApiException.BadRequest("top_logprobs: must be at least 0, or -1 for all.", "top_logprobs");
        }

        if (max >= 0 && (numTop > max || numTop == -1))
        {
            throw ApiException.BadRequest($"top_logprobs: at most {max} are given.", "logprobs");
        }

        return wanted ? numTop : null;
    }
}
