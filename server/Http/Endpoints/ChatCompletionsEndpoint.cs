using System.Text.Json;
using Engine.Server.Http.Generation;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;
using Engine.Server.Http.Protocol;

namespace Engine.Server.Http.Endpoints;

/// <summary>POST /v1/chat/completions.</summary>
internal sealed class ChatCompletionsEndpoint(ServedModel model, ServerOptions options)
    : GeneratingEndpoint(model, options)
{
    protected override ResponseFormat Prepare(HttpContext context, JsonElement body)
    {
        PreparedChat chat = PreparedChat.Create(
            body,
            Model,
            Options,
            new EndpointSampling { NumLogprobs = NumLogprobs(body), MaxTokensOverride = MaxTokens(body) });
        string id = "chatcmpl-" + (chat.Job.Fields.RequestId ?? context.TraceIdentifier);
        return new ChatFormat(chat.Job, id, Model, chat.Fields.EchoText, chat.Reading);
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

        int max = Model.Engine.Options.MaxLogprobs;
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
