using Engine.Abi.Events;
using Engine.Hosting;

namespace Engine.Abi.Handles;

/// <summary>A request with a handle, and its queue if it has one of its own.</summary>
internal sealed class RequestObject : HandleObject
{
    private readonly EngineObject _engine;

    public RequestObject(EngineObject engine, bool hasOwnQueue)
    {
        _engine = engine;
        OwnQueue = hasOwnQueue ? new EventQueue() : null;
        SetParent(engine);
    }

    public override HandleKind Kind => HandleKind.Request;

    /// <summary>The request in the core; set before the handle is published.</summary>
    public RequestHandle? Request { get; set; }

    public EventQueue? OwnQueue { get; }

    public long Id => Request!.Id;

    public void Cancel() => _engine.Worker.Cancel(Request!);

    /// <summary>Nobody can read the rest of an own queue: the request ends.</summary>
    public override void OnReleased()
    {
        if (OwnQueue is not null)
        {
            OwnQueue.Close();
            if (!Request!.IsFinished)
            {
                Cancel();
            }
        }
    }

    // The worker may still deliver into the queue; it has no native memory until it is polled again.
    protected override void Destroy() => OwnQueue?.Dispose();
}
