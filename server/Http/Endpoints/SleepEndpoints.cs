using Engine.Hosting;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Endpoints;

/// <summary>POST /sleep, POST /wake_up, GET /is_sleeping, as vLLM has them in its development mode.</summary>
internal sealed class SleepEndpoints(ServedModel model)
{
    private const string WeightsTag = "weights";
    private const string CacheTag = "kv_cache";

    public Task HandleSleepAsync(HttpContext context)
    {
        int level = (string?)context.Request.Query["level"] switch
        {
            null or "" or "1" => 1,
            "0" => 0,
            "2" => 2,
            _ => throw ApiException.BadRequest("level: must be 0, 1 or 2.", "level"),
        };
        SleepMode mode = (string?)context.Request.Query["mode"] switch
        {
            null or "" or "abort" => SleepMode.Abort,
            "wait" => SleepMode.Wait,
            "keep" => SleepMode.Keep,
            _ => throw ApiException.BadRequest("mode: must be abort, wait or keep.", "mode"),
        };
        return model.Engine.SleepAsync(level, mode, context.RequestAborted);
    }

    public Task HandleWakeUpAsync(HttpContext context)
    {
        string[] tags = [.. context.Request.Query["tags"].OfType<string>()];
        if (tags.FirstOrDefault(tag => tag is not (WeightsTag or CacheTag)) is not null)
        {
            throw ApiException.BadRequest($"tags: must be {WeightsTag} or {CacheTag}.", "tags");
        }

        bool weightsOnly = tags.Length > 0 && !tags.Contains(CacheTag);
        return model.Engine.WakeUpAsync(weightsOnly, context.RequestAborted);
    }

    public Task HandleStateAsync(HttpContext context) => JsonResponse.WriteAsync(context, json =>
    {
        json.WriteStartObject();
        json.WriteBoolean("is_sleeping", model.Engine.SleepLevel >= 0);
        json.WriteEndObject();
    });
}
