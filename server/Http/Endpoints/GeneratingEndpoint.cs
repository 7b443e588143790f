using System.Text.Json;
using Engine.Server.Http.Generation;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Endpoints;

/// <summary>What every route that generates does: read the body, check all of it, run, answer.</summary>
internal abstract class GeneratingEndpoint(ServedModel model, ServerOptions options)
{
    protected ServedModel Model { get; } = model;

    protected ServerOptions Options { get; } = options;

    public async Task HandleAsync(HttpContext context)
    {
        ResponseFormat format;
        using (JsonDocument body = await RequestBody.ReadObjectAsync(context))
        {
            Model.CheckName(Fields.GetString(body.RootElement, "model"));
            format = Prepare(context, body.RootElement);
        }

        await RunAsync(context, format);
    }

    /// <summary>Runs what was prepared, and answers.</summary>
    protected virtual Task RunAsync(HttpContext context, ResponseFormat format) =>
        GenerationRunner.RunAsync(context, format, Options);

    /// <summary>Checks the request; nothing of the body may be kept.</summary>
    protected abstract ResponseFormat Prepare(HttpContext context, JsonElement body);
}
