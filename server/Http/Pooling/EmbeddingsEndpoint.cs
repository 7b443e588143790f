using System.Runtime.InteropServices;
using System.Text.Json;
using Engine.Pooling;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Pooling;

/// <summary>POST /v1/embeddings, as OpenAI has it.</summary>
internal sealed class EmbeddingsEndpoint(ServedModel model)
{
    public async Task HandleAsync(HttpContext context)
    {
        using JsonDocument document = await RequestBody.ReadObjectAsync(context);
        JsonElement body = document.RootElement;
        PoolingInputs inputs = PoolingInputs.Read(body, model);
        bool isBase64 = IsBase64(body);
        int? dimensions = Fields.GetInt(body, "dimensions");
        if (dimensions < 1) throw ApiException.BadRequest("dimensions: must be at least 1.", "dimensions");
        bool? normalize = Fields.GetBool(body, "normalize");
        List<PoolingRequest> texts = inputs.Texts("input", PoolingTask.Embed);
        PoolingResult[] results = await inputs.RunAsync(
            texts.Select(text => text with { Dimensions = dimensions, Normalize = normalize }), context.RequestAborted);
        await PoolingAnswer.WriteListAsync(context, "embd", model.Name, results, results.Length, (json, i) =>
        {
            json.WriteString("object", "embedding");
            if (isBase64)
            {
                json.WriteBase64String("embedding", MemoryMarshal.AsBytes(results[i].Values.AsSpan()));
            }
            else
            {
                PoolingAnswer.WriteNumbers(json, "embedding", results[i].Values);
            }
        });
    }

    private static bool IsBase64(JsonElement body) => Fields.GetString(body, "encoding_format") switch
    {
        null or "float" => false,
        "base64" => true,
        var other => throw ApiException.BadRequest(
            $"encoding_format: must be float or base64, found \"{other}\".", "encoding_format"),
    };
}
