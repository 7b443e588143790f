using System.Text.Json;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;
using Engine.Server.Http.Protocol;

namespace Engine.Server.Http.Endpoints;

/// <summary>POST /tokenize: a prompt, or messages through the chat template.</summary>
internal sealed class TokenizeEndpoint(ServedModel model, ServerOptions options)
{
    public async Task HandleAsync(HttpContext context)
    {
        using JsonDocument document = await RequestBody.ReadObjectAsync(context);
        JsonElement body = document.RootElement;
        model.CheckName(Fields.GetString(body, "model"));
        bool names = Fields.GetBool(body, "return_token_strs") ?? false;
        int[] ids = Encode(body);
        await JsonResponse.WriteAsync(context, json => TokenizeBodies.WriteTokenized(
            json, ids, model.MaxModelLen, names ? model.Tokenizer : null));
    }

    private int[] Encode(JsonElement body)
    {
        if (Fields.TryGet(body, "messages", out _))
        {
            ChatPrompt chat = model.Chat.Render(ChatFields.Parse(body, options));
            return model.Tokenizer.EncodePrompt(chat.Text, chat.Cuts, Fields.GetBool(body, "add_special_tokens") ?? false);
        }

        string prompt = Fields.GetString(body, "prompt")
            ?? throw ApiException.BadRequest("prompt: a prompt or messages are needed.", "prompt");
        return model.Tokenizer.Encode(prompt, Fields.GetBool(body, "add_special_tokens") ?? true);
    }
}
