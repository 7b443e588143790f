using Engine.Pooling;

namespace Engine.Abi.Handles;

/// <summary>One PoolingWorker.</summary>
internal sealed class PoolerObject : HandleObject, IStoppable
{
    public PoolerObject(ModelObject model, EngineOptions options)
    {
        Worker = model.Model.CreatePooler(options);
        SetParent(model);
        Lifetime.Add(this);
    }

    public override HandleKind Kind => HandleKind.Pooler;

    public PoolingWorker Worker { get; }

    public bool Stop(TimeSpan drainTimeout) => Worker.Shutdown(drainTimeout);

    protected override void Destroy()
    {
        Lifetime.Remove(this);
        Worker.Dispose();
    }
}
