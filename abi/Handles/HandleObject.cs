namespace Engine.Abi.Handles;

/// <summary>
/// What lives behind a handle. The caller owns it through the handle; calls under way and children hold
/// references. OnReleased runs when the caller lets go, Destroy when the last reference is gone.
/// </summary>
internal abstract class HandleObject
{
    private HandleObject? _parent;

    public abstract HandleKind Kind { get; }

    /// <summary>The handle; 0 before Publish.</summary>
    public nint Handle { get; set; }

    /// <summary>Keeps the parent until this object is destroyed.</summary>
    public void SetParent(HandleObject parent)
    {
        HandleTable.AddReference(parent);
        _parent = parent;
    }

    /// <summary>The caller has released the handle: wake whoever waits on this object.</summary>
    public virtual void OnReleased()
    {
    }

    public void DestroyAndUnlink()
    {
        try
        {
            Destroy();
        }
        finally
        {
            HandleObject? parent = Interlocked.Exchange(ref _parent, null);
            if (parent is not null)
            {
                HandleTable.RemoveReference(parent);
            }
        }
    }

    /// <summary>Frees everything.</summary>
    protected virtual void Destroy()
    {
    }
}
