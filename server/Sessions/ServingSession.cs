using Engine.Hosting;
using Engine.Pooling;
using Engine.Sampling;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Pooling;

namespace Engine.Server.Sessions;

/// <summary>A loaded model, ready to answer requests: one that writes, or one that makes vectors and scores.</summary>
internal sealed class ServingSession : IDisposable
{
    private readonly IDisposable[] _owned;

    private ServingSession(ServedModel model, string deviceName, params IDisposable[] owned)
    {
        Model = model;
        DeviceName = deviceName;
        _owned = owned;
    }

    public ServedModel Model { get; }

    /// <summary>What computes, for people.</summary>
    public string DeviceName { get; }

    /// <summary>Loads and starts a model.</summary>
    /// <param name="load">What to load; its Runner says of which kind it is.</param>
    /// <param name="engine">The engine's limits.</param>
    /// <param name="names">What clients call it.</param>
    /// <param name="options">How chats are read.</param>
    /// <param name="template">File with a chat template, its text, or null for the model's.</param>
    /// <param name="formats">How calls and thoughts are written, told from the template's text.</param>
    /// <param name="sampling">What requests leave open, from the model's defaults and the vocabulary's size.</param>
    /// <param name="cancellation">Stops loading.</param>
    public static ServingSession Open(
        ModelLoadOptions load,
        EngineOptions engine,
        IReadOnlyList<string> names,
        ServerOptions options,
        string? template,
        Func<string?, ChatFormats> formats,
        Func<SamplingParams, int, SamplingParams> sampling,
        CancellationToken cancellation)
    {
        if (FakeModel.IsFake(load.Model) && load.Runner is ("auto" or "generate"))
        {
            return Generating(
                EngineSession.Open(load, engine, cancellation), load, names, options, template, formats, sampling);
        }

        return ModelLoader.Load(load, cancellation) switch
        {
            PoolingModel model => Pooling(model, load, engine, names),
            IDisposable model => Generating(
                EngineSession.Start((LoadedModel)model, load, engine), load, names, options, template, formats,
                sampling),
        };
    }

    private static ServingSession Pooling(
        PoolingModel model, ModelLoadOptions load, EngineOptions engine, IReadOnlyList<string> names)
    {
        try
        {
            var worker = new PoolingWorker(model, engine);
            return new ServingSession(
                PoolingBackend.Serve(worker, engine, names, load.Model), model.DeviceName, worker, model);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static ServingSession Generating(
        EngineSession session,
        ModelLoadOptions load,
        IReadOnlyList<string> names,
        ServerOptions options,
        string? template,
        Func<string?, ChatFormats> formats,
        Func<SamplingParams, int, SamplingParams> sampling)
    {
        try
        {
            ChatTemplateRendering chat = session.ChatRendering(
                template, options.ChatTemplateContentFormat, options.AllowControlTokens);
            var model = new ServedModel
            {
                Engine = new WorkerBackend(session.Worker),
                Names = names,
                Root = load.Model,
                DefaultSampling = sampling(session.DefaultSampling, session.Worker.Model.VocabSize),
                Chat = chat.Renderer,
                Formats = formats(chat.Source),
            };
            return new ServingSession(model, session.DeviceName, session);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (IDisposable owned in _owned)
        {
            owned.Dispose();
        }
    }
}
