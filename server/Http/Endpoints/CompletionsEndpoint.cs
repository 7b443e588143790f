using System.Text.Json;
using Engine.Server.Http.Generation;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;
using Engine.Server.Http.Protocol;

namespace Engine.Server.Http.Endpoints;

/// <summary>POST /v1/completions.</summary>
internal sealed class CompletionsEndpoint(ServedModel model, ServerOptions options)
{
    public async Task HandleAsync(HttpContext context)
    {
        CompletionFormat format;
        using (JsonDocument body = await RequestBody.ReadObjectAsync(context))
        {
            format = Prepare(context, body.RootElement);
        }

        await GenerationRunner.RunAsync(context, format, options);
    }

    private CompletionFormat Prepare(HttpContext context, JsonElement body)
    {
        model.CheckName(Fields.GetString(body, "model"));
        if (Fields.GetString(body, "suffix") is { Length: > 0 })
        {
            throw ApiException.BadRequest("suffix: is not supported.", "suffix");
        }

        bool echo = Fields.GetBool(body, "echo") ?? false;
        int? numLogprobs = Fields.GetInt(body, "logprobs");
        bool scoresOnly = echo && Fields.GetInt(body, "max_tokens") == 0;
        GenerationFields fields = GenerationFieldsParser.Parse(
            body,
            model,
            options,
            new EndpointSampling
            {
                DefaultMaxTokens = 16,
                NumLogprobs = numLogprobs,
                ScorePromptAsOutput = echo && numLogprobs is not null,

                // The engine always makes one token; the answer leaves it out.
                MaxTokensOverride = scoresOnly ? 1 : null,
            });
        List<PromptState> prompts = PromptFields.Parse(
            body, model, options, fields.AddSpecialTokens, fields.TruncatePromptTokens);
        foreach (PromptState prompt in prompts)
        {
            PromptLimits.CheckRoom(prompt, fields.MaxTokensGiven, model);
        }

        var job = new GenerationJob(model, fields, prompts, options.MaxSseBacklog);
        bool promptLogprobs = Fields.TryGet(body, "prompt_logprobs", out _);
        string id = "cmpl-" + (fields.RequestId ?? context.TraceIdentifier);
        return new CompletionFormat(job, id, model, echo, scoresOnly, promptLogprobs);
    }
}
