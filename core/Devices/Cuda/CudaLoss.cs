namespace Engine.Devices.Cuda;

/// <summary>
/// Whether a GPU is lost, for all who use it in this process: they share its primary context, so that an error which is
/// final for one of them is so for all, and for those who come later.
/// </summary>
internal sealed class CudaLoss
{
    private static readonly Lock _lock = new();
    private static readonly Dictionary<(CudaDriver Driver, int Ordinal), CudaLoss> _all = [];
    private readonly (CudaDriver Driver, int Ordinal) _key;
    private int _numUsers;
    private volatile string? _why;

    private CudaLoss((CudaDriver Driver, int Ordinal) key) => _key = key;

    /// <summary>Null while the GPU can be used.</summary>
    public string? Why => _why;

    /// <summary>Throws DeviceLost for a GPU that has been lost.</summary>
    public static void Check(CudaDriver driver, int ordinal)
    {
        lock (_lock)
        {
            if (_all.TryGetValue((driver, ordinal), out CudaLoss? loss) && loss.Why is string why)
            {
                throw new EngineException(EngineStatus.DeviceLost, why, "device");
            }
        }
    }

    /// <summary>For tests, whose driver begins anew.</summary>
    internal static void Forget()
    {
        lock (_lock) _all.Clear();
    }

    /// <summary>That of a GPU; the caller returns it once.</summary>
    public static CudaLoss Take(CudaDriver driver, int ordinal)
    {
        lock (_lock)
        {
            if (!_all.TryGetValue((driver, ordinal), out CudaLoss? loss))
            {
                loss = new CudaLoss((driver, ordinal));
                _all.Add(loss._key, loss);
            }

            loss._numUsers++;
            return loss;
        }
    }

    /// <summary>The GPU is lost, for the first reason that was given, which is returned.</summary>
    public string Set(string why)
    {
        lock (_lock)
        {
            // Its last user may be gone: the caller's context is put back after everything else.
            _all[_key] = this;
            return _why ??= why;
        }
    }

    public void Return()
    {
        lock (_lock)
        {
            if (--_numUsers == 0 && _why is null) _all.Remove(_key);
        }
    }
}
