using System.Text.Json;
using Engine.Pooling;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Pooling;

/// <summary>
/// How well texts fit one another: a cross-encoder reads a pair at once; of a model of vectors it is their cosine.
/// </summary>
internal static class PairScores
{
    /// <summary>A score per pair, and what was computed.</summary>
    public static async Task<(float[] Scores, PoolingResult[] Results)> ComputeAsync(
        PoolingInputs inputs, IReadOnlyList<string> first, IReadOnlyList<string> second, CancellationToken cancellation)
    {
        string FirstOf(int i) => first[first.Count == 1 ? 0 : i];
        if (inputs.Pooling.Embeds)
        {
            PoolingResult[] vectors = await inputs.RunAsync(
                first.Concat(second).Select(text => inputs.FromText(text, PoolingTask.Embed)), cancellation);
            return ([.. Enumerable.Range(0, second.Count).Select(i => PairScore.Cosine(
                vectors[first.Count == 1 ? 0 : i].Values, vectors[first.Count + i].Values))], vectors);
        }

        if (inputs.Pooling.Labels.Count != 1)
        {
            throw ApiException.BadRequest(
                $"The model has {inputs.Pooling.Labels.Count} labels; scores need one that has a single one.", "model");
        }

        PoolingResult[] results = await inputs.RunAsync(
            second.Select((text, i) => inputs.FromText(FirstOf(i), PoolingTask.Classify, text)), cancellation);
        return ([.. results.Select(result => result.Values[0])], results);
    }
}

/// <summary>POST /v1/score: one text against several, or several pairs.</summary>
internal sealed class ScoreEndpoint(ServedModel model)
{
    public async Task HandleAsync(HttpContext context)
    {
        using JsonDocument document = await RequestBody.ReadObjectAsync(context);
        PoolingInputs inputs = PoolingInputs.Read(document.RootElement, model);
        List<string> first = inputs.Strings("text_1", "queries", "data_1");
        List<string> second = inputs.Strings("text_2", "documents", "items", "data_2");
        if (first.Count != 1 && first.Count != second.Count)
        {
            throw ApiException.BadRequest(
                $"text_1: must be one text, or as many as text_2 has ({second.Count}), found {first.Count}.", "text_1");
        }

        (float[] scores, PoolingResult[] results) =
            await PairScores.ComputeAsync(inputs, first, second, context.RequestAborted);
        await PoolingAnswer.WriteListAsync(context, "score", model.Name, results, scores.Length, (json, i) =>
        {
            json.WriteString("object", "score");
            json.WriteNumber("score", scores[i]);
        });
    }
}
