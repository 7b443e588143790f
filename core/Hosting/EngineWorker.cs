using Engine.Diagnostics;
using Engine.Scheduling;
using Engine.Tokenization;

namespace Engine.Hosting;

#pragma warning disable CA1822 // The surface comes first; the thread behind it lands next.
/// <summary>One scheduler on its own thread. Every member is safe to call from any thread at any time.</summary>
public sealed class EngineWorker : IDisposable
{
    private readonly IModelRunner _runner;

    /// <summary>Starts the thread.</summary>
    /// <param name="runner">Computes steps; owned by the worker from here on.</param>
    /// <param name="tokenizer">Text to ids and back; null takes and gives ids alone.</param>
    /// <param name="model">What must be known of the model.</param>
    /// <param name="options">Every limit.</param>
    public EngineWorker(IModelRunner runner, ITokenizer? tokenizer, ModelInfo model, EngineOptions options)
    {
        _runner = runner;
        Tokenizer = tokenizer;
        Model = model;
        Options = options;
    }

    /// <summary>What must be known of the model; MaxModelLen is the one in force.</summary>
    public ModelInfo Model { get; }

    /// <summary>Text to ids and back, or null.</summary>
    public ITokenizer? Tokenizer { get; }

    /// <summary>Every limit.</summary>
    public EngineOptions Options { get; }

    /// <summary>Counters and histograms.</summary>
    public EngineMetricsSnapshot Metrics => throw Down();

    /// <summary>Failed, stalled, draining or healthy.</summary>
    public EngineHealth Health => new(EngineHealthState.Draining, "the engine thread is not running");

    /// <summary>Hands a request to the engine. Tokenizes on the calling thread.</summary>
    /// <param name="request">The prompt and how to continue it.</param>
    /// <param name="sink">Takes its events, on the engine's thread: Prompt, Token ..., OutputFinished for each
    /// output, then exactly one of Finished or Failed. Must not block or throw.</param>
    /// <exception cref="EngineException">InvalidArgument names the field; WouldBlock if the queue is full;
    /// ShuttingDown; EngineFailed. No event follows.</exception>
    public RequestHandle Submit(GenerationRequest request, IRequestSink sink) => throw Down();

    /// <summary>Ends a request: its outputs with Abort, then it is Finished. Idempotent.</summary>
    public void Cancel(RequestHandle handle) => Cancel(handle.Id);

    /// <summary>The same by id; false if no such request is under way.</summary>
    public bool Cancel(long id) => id < 0;

    /// <summary>Takes nothing new, lets requests end for up to drainTimeout, then cancels them and stops the
    /// thread. Idempotent. True if all ended by themselves.</summary>
    public bool Shutdown(TimeSpan drainTimeout) => drainTimeout >= TimeSpan.Zero;

    /// <summary>Shutdown without drain, and frees the runner.</summary>
    public void Dispose() => _runner.Dispose();

    private static EngineException Down() =>
        new(EngineStatus.ShuttingDown, "the engine thread is not running");
}
