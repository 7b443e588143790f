using System.Text.Json;
using Engine.Server.Http.Generation;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;
using Engine.Server.Http.Protocol;

namespace Engine.Server.Http.Endpoints;

/// <summary>POST /v1/completions.</summary>
internal sealed class CompletionsEndpoint(ServedModel model, ServerOptions options)
    : GeneratingEndpoint(model, options)
{
    protected override ResponseFormat Prepare(HttpContext context, JsonElement body)
    {
        if (Fields.GetString(body, "suffix") is { Length: > 0 })
        {
            throw ApiException.BadRequest("suffix: is not supported.", "suffix");
        }

        bool echo = Fields.GetBool(body, "echo") ?? false;
        int? numLogprobs = Fields.GetInt(body, "logprobs");
        bool scoresOnly = echo && Fields.GetInt(body, "max_tokens") == 0;
        GenerationFields fields = GenerationFieldsParser.Parse(
            body,
            Model,
            Options,
            new EndpointSampling
            {
                DefaultMaxTokens = 16,
                TakesBestOf = true,
                NumLogprobs = numLogprobs,
                ScorePromptAsOutput = echo && numLogprobs is not null,

                // The engine always makes one token; the answer leaves it out.
                MaxTokensOverride = scoresOnly ? 1 : null,
            });
        if (fields.Sampling.ThinkingTokenBudget is not null)
        {
            fields = fields with
            {
                Sampling = fields.Sampling with { ReasoningParser = Model.Formats.Reasoning },
            };
        }

        List<PromptState> prompts = PromptFields.Parse(
            body, Model, Options, fields.AddSpecialTokens, fields.Truncation);
        foreach (PromptState prompt in prompts)
        {
            PromptLimits.CheckRoom(prompt, fields.MaxTokensGiven, Model);
        }

        var job = new GenerationJob(Model, fields, prompts, Options);
        bool promptLogprobs = Fields.TryGet(body, "prompt_logprobs", out _);
        string id = "cmpl-" + (fields.RequestId ?? context.TraceIdentifier);
        return new CompletionFormat(job, id, Model, echo, scoresOnly, promptLogprobs);
    }
}
