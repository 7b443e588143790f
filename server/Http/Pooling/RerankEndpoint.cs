using System.Text.Json;
using Engine.Pooling;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Pooling;

/// <summary>POST /v1/rerank, /v2/rerank and /rerank: documents by how well they fit a query.</summary>
internal sealed class RerankEndpoint(ServedModel model)
{
    public async Task HandleAsync(HttpContext context)
    {
        using JsonDocument document = await RequestBody.ReadObjectAsync(context);
        JsonElement body = document.RootElement;
        PoolingInputs inputs = PoolingInputs.Read(body, model);
        string query = inputs.Strings("query") is [string one]
            ? one
            : throw ApiException.BadRequest("query: must be one string.", "query");
        List<string> documents = inputs.Strings("documents");
        int topN = Fields.GetInt(body, "top_n") ?? 0;
        if (topN < 0) throw ApiException.BadRequest("top_n: must not be negative.", "top_n");
        bool withDocuments = Fields.GetBool(body, "return_documents") ?? true;
        (float[] scores, PoolingResult[] results) =
            await PairScores.ComputeAsync(inputs, [query], documents, context.RequestAborted);
        // Stable: equal scores keep the order of the documents.
        int[] order = [.. Enumerable.Range(0, scores.Length).OrderByDescending(i => scores[i])];
        if (topN > 0 && topN < order.Length) order = order[..topN];
        await JsonResponse.WriteAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteString("id", $"rerank-{context.TraceIdentifier}");
            json.WriteString("model", model.Name);
            PoolingAnswer.WriteUsage(json, results);
            json.WriteStartArray("results");
            foreach (int i in order)
            {
                json.WriteStartObject();
                json.WriteNumber("index", i);
                if (withDocuments)
                {
                    json.WriteStartObject("document");
                    json.WriteString("text", documents[i]);
                    json.WriteEndObject();
                }

                json.WriteNumber("relevance_score", scores[i]);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }
}
