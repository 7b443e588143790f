using System.Text.Json;
using Engine.Server.Http.Generation;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;
using Engine.Server.Http.Protocol;

namespace Engine.Server.Http.Endpoints;

/// <summary>POST /v1/messages, Anthropic's form of chat.</summary>
internal sealed class MessagesEndpoint(ServedModel model, ServerOptions options) : GeneratingEndpoint(model, options)
{
    protected override ResponseFormat Prepare(HttpContext context, JsonElement body)
    {
        using JsonDocument request = MessagesRequest.ToChat(body, needsMaxTokens: true, Model.CountsThoughts);
        PreparedChat chat = PreparedChat.CreateOf(
            MessagesRequest.FieldOf, request.RootElement, Model, Options, default);
        if (chat.Job.Fields.Sampling.N != 1)
        {
            throw ApiException.BadRequest("n: a message is one.", "n");
        }

        return new MessagesFormat(chat.Job, "msg_" + context.TraceIdentifier, Model.Name, chat.Reading);
    }
}

/// <summary>POST /v1/messages/count_tokens.</summary>
internal sealed class CountTokensEndpoint(ServedModel model, ServerOptions options)
{
    public async Task HandleAsync(HttpContext context)
    {
        using JsonDocument body = await RequestBody.ReadObjectAsync(context);
        model.CheckName(Fields.GetString(body.RootElement, "model"));
        using JsonDocument request = MessagesRequest.ToChat(
            body.RootElement, needsMaxTokens: false, countsThoughts: false);
        ChatPrompt prompt = model.Chat.Render(ChatFields.Parse(request.RootElement, options));
        int count = model.Tokenizer.EncodePrompt(prompt.Text, prompt.Cuts, addSpecialTokens: false).Length;
        await JsonResponse.WriteAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("input_tokens", count);
            json.WriteEndObject();
        });
    }
}
