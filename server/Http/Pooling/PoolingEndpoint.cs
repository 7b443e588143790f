using System.Text.Json;
using Engine.Pooling;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Pooling;

/// <summary>POST /pooling: whatever the model makes of a text, hidden states of all tokens among it.</summary>
internal sealed class PoolingEndpoint(ServedModel model)
{
    public async Task HandleAsync(HttpContext context)
    {
        using JsonDocument document = await RequestBody.ReadObjectAsync(context);
        JsonElement body = document.RootElement;
        PoolingInputs inputs = PoolingInputs.Read(body, model);
        PoolingTask task = TaskOf(body, inputs);
        PoolingResult[] results = await inputs.RunAsync(inputs.Texts("input", task), context.RequestAborted);
        int width = inputs.Pooling.Config.HiddenSize;
        await PoolingAnswer.WriteListAsync(context, "pool", model.Name, results, results.Length, (json, i) =>
        {
            json.WriteString("object", "pooling");
            if (task != PoolingTask.TokenEmbed)
            {
                PoolingAnswer.WriteNumbers(json, "data", results[i].Values);
                return;
            }

            json.WriteStartArray("data");
            for (int t = 0; t < results[i].NumTokens; t++)
            {
                json.WriteStartArray();
                foreach (float value in results[i].Values.AsSpan(t * width, width)) json.WriteNumberValue(value);
                json.WriteEndArray();
            }

            json.WriteEndArray();
        });
    }

    private static PoolingTask TaskOf(JsonElement body, PoolingInputs inputs) => Fields.GetString(body, "task") switch
    {
        null => inputs.Pooling.Embeds ? PoolingTask.TokenEmbed : PoolingTask.Classify,
        "embed" => PoolingTask.Embed,
        "classify" or "score" => PoolingTask.Classify,
        "token_embed" or "encode" => PoolingTask.TokenEmbed,
        var other => throw ApiException.BadRequest(
            $"task: must be embed, classify, score or token_embed, found \"{other}\".", "task"),
    };
}
