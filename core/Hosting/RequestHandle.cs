namespace Engine.Hosting;

/// <summary>A submitted request. Safe for concurrent use.</summary>
public sealed class RequestHandle
{
    private volatile bool _isFinished;

    internal RequestHandle(EngineWorker worker, long id, ulong userTag)
    {
        Worker = worker;
        Id = id;
        UserTag = userTag;
    }

    /// <summary>The engine's own id, unique in the process.</summary>
    public long Id { get; }

    /// <summary>The caller's tag.</summary>
    public ulong UserTag { get; }

    /// <summary>True once the terminal event has been delivered.</summary>
    public bool IsFinished => _isFinished;

    internal EngineWorker Worker { get; }

    /// <summary>Asks the engine to end it; idempotent, any thread.</summary>
    public void Cancel() => Worker.Cancel(this);

    internal void MarkFinished() => _isFinished = true;
}
