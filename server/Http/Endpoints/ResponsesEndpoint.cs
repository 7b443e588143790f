using System.Text.Json;
using Engine.Server.Http.Generation;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Protocol;

namespace Engine.Server.Http.Endpoints;

/// <summary>POST /v1/responses. Nothing is kept: a conversation comes whole with each request.</summary>
internal sealed class ResponsesEndpoint(ServedModel model, ServerOptions options) : GeneratingEndpoint(model, options)
{
    protected override ResponseFormat Prepare(HttpContext context, JsonElement body)
    {
        using JsonDocument request = ResponsesRequest.ToChat(body);
        PreparedChat chat = PreparedChat.Create(request.RootElement, Model, Options, default);
        if (chat.Job.Fields.Sampling.N != 1)
        {
            throw ApiException.BadRequest("n: a response is one.", "n");
        }

        return new ResponsesFormat(
            chat.Job, "resp_" + context.TraceIdentifier, Model.Name, chat.Reading, body.Clone());
    }
}

/// <summary>POST /v1/load_lora_adapter and its like.</summary>
internal static class AdapterEndpoint
{
    /// <summary>Adapters are not supported in this version: 400, which says so.</summary>
    public static Task HandleAsync(HttpContext context) =>
        throw ApiException.BadRequest("lora_name: LoRA adapters are not supported in this version.", "lora_name");
}
