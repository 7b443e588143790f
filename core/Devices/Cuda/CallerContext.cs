namespace Engine.Devices.Cuda;

/// <summary>
/// Work on a thread of the caller's, who may use the driver too: the context that was current before is current again
/// in the end. Costs nothing where no GPU is used. Stays may lie within each other.
/// </summary>
internal readonly ref struct CallerContext
{
    private readonly bool _isStay;

    private CallerContext(bool isStay) => _isStay = isStay;

    public static CallerContext Keep()
    {
        CudaContext.BeginStay();
        return new CallerContext(true);
    }

    public void Dispose()
    {
        if (_isStay) CudaContext.EndStay();
    }
}
