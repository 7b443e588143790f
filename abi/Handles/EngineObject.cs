using Engine.Abi.Events;
using Engine.Hosting;

namespace Engine.Abi.Handles;

/// <summary>One EngineWorker and the queue of its requests' events.</summary>
internal sealed class EngineObject : HandleObject, IStoppable
{
    public EngineObject(ModelObject model, EngineOptions options)
    {
        Worker = model.Model.CreateWorker(options);
        SetParent(model);
        Lifetime.Add(this);
    }

    public override HandleKind Kind => HandleKind.Engine;

    public EngineWorker Worker { get; }

    public EventQueue Queue { get; } = new();

    public bool Stop(TimeSpan drainTimeout) => Worker.Shutdown(drainTimeout);

    /// <summary>Requests with a handle of their own go on; nobody can poll the shared queue any more.</summary>
    public override void OnReleased() => Queue.Close();

    protected override void Destroy()
    {
        Lifetime.Remove(this);
        try
        {
            Worker.Shutdown(TimeSpan.Zero);
        }
        finally
        {
            Worker.Dispose();
            Queue.Dispose();
        }
    }
}
