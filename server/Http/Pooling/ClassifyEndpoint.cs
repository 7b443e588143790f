using System.Text.Json;
using Engine.Pooling;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Pooling;

/// <summary>POST /classify: the label of each text, and what each label got.</summary>
internal sealed class ClassifyEndpoint(ServedModel model)
{
    public async Task HandleAsync(HttpContext context)
    {
        using JsonDocument document = await RequestBody.ReadObjectAsync(context);
        JsonElement body = document.RootElement;
        PoolingInputs inputs = PoolingInputs.Read(body, model);
        bool activates = Fields.GetBool(body, "use_activation") ?? Fields.GetBool(body, "activation") ?? true;
        List<PoolingRequest> texts = inputs.Texts("input", PoolingTask.Classify);
        PoolingResult[] results = await inputs.RunAsync(
            texts.Select(text => text with { UseActivation = activates }), context.RequestAborted);
        IReadOnlyList<string> labels = inputs.Pooling.Labels;
        await PoolingAnswer.WriteListAsync(context, "classify", model.Name, results, results.Length, (json, i) =>
        {
            float[] values = results[i].Values;
            json.WriteString("label", labels[Array.IndexOf(values, values.Max())]);
            PoolingAnswer.WriteNumbers(json, "probs", values);
            json.WriteNumber("num_classes", values.Length);
        });
    }
}
