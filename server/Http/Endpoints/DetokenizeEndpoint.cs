using System.Text.Json;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;
using Engine.Server.Http.Protocol;

namespace Engine.Server.Http.Endpoints;

/// <summary>POST /detokenize.</summary>
internal sealed class DetokenizeEndpoint(ServedModel model)
{
    public async Task HandleAsync(HttpContext context)
    {
        using JsonDocument body = await RequestBody.ReadObjectAsync(context);
        model.CheckName(Fields.GetString(body.RootElement, "model"));
        DetokenizeFields fields = DetokenizeFields.Parse(body.RootElement, model.VocabSize);
        string text = model.Tokenizer.Decode(fields.TokenIds, fields.SkipSpecialTokens);
        await JsonResponse.WriteAsync(context, json => TokenizeBodies.WriteDetokenized(json, text));
    }
}
