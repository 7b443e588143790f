using System.Text.Json;
using Engine.Server.Http.Generation;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;
using Engine.Server.Http.Protocol;
using Engine.Server.Http.Responses;

namespace Engine.Server.Http.Endpoints;

/// <summary>POST /v1/responses.</summary>
/// <param name="model">What is served.</param>
/// <param name="options">Limits.</param>
/// <param name="responses">Null keeps nothing: a conversation comes whole with each request.</param>
/// <param name="background">What runs while nobody waits for it.</param>
internal sealed class ResponsesEndpoint(
    ServedModel model, ServerOptions options, StoredResponses? responses, BackgroundResponses background)
    : GeneratingEndpoint(model, options)
{
    protected override ResponseFormat Prepare(HttpContext context, JsonElement body)
    {
        string owner = StoredResponses.OwnerOf(context.Request);
        if (Fields.GetString(body, "previous_response_id") is { } before && background.Find(before, owner) is not null)
        {
            throw ApiException.BadRequest(
                $"previous_response_id: response '{before}' has not ended yet.", "previous_response_id");
        }

        bool isKept = responses is not null && (Fields.GetBool(body, "store") ?? true);
        ResponseChain? chain = responses is null
            ? null
            : ResponseChain.Create(body, responses, owner);
        using JsonDocument request = ResponsesRequest.ToChat(body, chain?.Input);
        PreparedChat chat = Prepare(request.RootElement, NumLogprobs(body));
        if (chat.Job.Fields.Sampling.N != 1)
        {
            throw ApiException.BadRequest("n: a response is one.", "n");
        }

        // A client may choose the request's id, but not which response of another it replaces.
        string id = "resp_" + (isKept ? Guid.NewGuid().ToString("N") : context.TraceIdentifier);
        return new ResponsesFormat(
            chat.Job, id, Model, chat.Reading, body.Clone(), isKept ? chain : null,
            isKept && (Fields.GetBool(body, "background") ?? false));
    }

    protected override Task RunAsync(HttpContext context, ResponseFormat format) =>
        format is ResponsesFormat { IsBackground: true } kept
            ? background.RunAsync(context, kept)
            : base.RunAsync(context, format);

    private PreparedChat Prepare(JsonElement request, int? numLogprobs) => PreparedChat.CreateOf(
        ResponsesRequest.FieldOf, request, Model, Options, new EndpointSampling { NumLogprobs = numLogprobs });

    // Log probabilities come if "include" names them, or a number of others is asked for.
    private int? NumLogprobs(JsonElement body)
    {
        const string included = "message.output_text.logprobs";
        bool isIncluded = Fields.GetArray(body, "include") is { } include
            && include.EnumerateArray().Any(
                item => item.ValueKind == JsonValueKind.String && item.ValueEquals(included));
        int? numTop = Fields.GetInt(body, "top_logprobs");
        int max = Model.Engine.Options.MaxLogprobs;
        if (numTop < 0 || (max >= 0 && numTop > max))
        {
            throw ApiException.BadRequest($"top_logprobs: must be 0 to {max}.", "top_logprobs");
        }

        return isIncluded || numTop > 0 ? numTop ?? 0 : null;
    }
}

/// <summary>POST /v1/load_lora_adapter and its like.</summary>
internal static class AdapterEndpoint
{
    /// <summary>Adapters are not supported in this version: 400, which says so.</summary>
    public static Task HandleAsync(HttpContext context) =>
        throw ApiException.BadRequest("lora_name: LoRA adapters are not supported in this version.", "lora_name");
}
