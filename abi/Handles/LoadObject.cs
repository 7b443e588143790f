using Engine.Hosting;

namespace Engine.Abi.Handles;

#pragma warning disable CA1001 // Handles are disposed of by reference count, in Destroy.
/// <summary>A model that loads on a thread of its own.</summary>
internal sealed class LoadObject : HandleObject, IProgress<LoadProgress>
{
    private readonly CancellationTokenSource _cancel = new();
    private readonly ManualResetEventSlim _done = new();
    private readonly Lock _gate = new();
    private LoadProgress _progress = new("queued", 0, 0);
    private HostedModel? _model;
    private Exception? _error;

    public override HandleKind Kind => HandleKind.Load;

    public bool IsDone => _done.IsSet;

    public LoadProgress Progress
    {
        get
        {
            lock (_gate)
            {
                return _progress;
            }
        }
    }

    public void Start(ModelLoadOptions options)
    {
        new Thread(() => Run(options), 8 << 20) { IsBackground = true, Name = "engine-load" }.Start();
    }

    public void Report(LoadProgress value)
    {
        lock (_gate)
        {
            _progress = value;
        }
    }

    public bool Wait(int timeoutMs) => _done.Wait(timeoutMs < 0 ? Timeout.Infinite : timeoutMs);

    public void Cancel() => _cancel.Cancel();

    /// <summary>Waits for the model and hands it over, once.</summary>
    public HostedModel Take()
    {
        _done.Wait();
        if (_error is not null)
        {
            throw _error is EngineException known
                ? new EngineException(known.Status, known.Message, known.Parameter, known)
                : new EngineException(Guard.StatusOf(_error), _error.Message, null, _error);
        }

        return Interlocked.Exchange(ref _model, null)
            ?? throw EngineException.Invalid("load", "the model was already taken");
    }

    public override void OnReleased() => _cancel.Cancel();

    protected override void Destroy()
    {
        _done.Wait();
        Interlocked.Exchange(ref _model, null)?.Dispose();
        _done.Dispose();
        _cancel.Dispose();
    }

    private void Run(ModelLoadOptions options)
    {
        try
        {
            _model = HostedModel.Load(options, _cancel.Token);
        }
        catch (Exception e)
        {
            _error = e;
            Log.Write(Types.LogLevel.Error, $"load {options.Model}: {e.Message}");
        }

        _done.Set();
    }
}
