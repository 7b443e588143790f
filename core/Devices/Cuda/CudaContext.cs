using System.Runtime.InteropServices;

namespace Engine.Devices.Cuda;

/// <summary>
/// One GPU as this process uses it: its primary context and one stream. Every call to the driver goes through here,
/// so that none is made after an error that is final.
/// </summary>
internal sealed unsafe partial class CudaContext : IDisposable
{
    /// <summary>The lowest compute capability that has kernels.</summary>
    public const int LeastCapability = 80;

    private const uint NonBlockingStream = 1;

    /// <summary>The first driver that takes all kernels, and has all functions.</summary>
    private const int LeastDriverVersion = 12000;

    private readonly int _device;
    private readonly CudaLoss _loss;
    private bool _isDisposed;

    private CudaContext(CudaDriver driver, int ordinal, int device)
    {
        Driver = driver;
        Ordinal = ordinal;
        _device = device;
        _loss = CudaLoss.Take(driver, ordinal);
        Name = NameOf(driver, device);
        SynchronizesEachLaunch = Environment.GetEnvironmentVariable("ENGINE_CUDA_SYNC") == "1";
    }

    public CudaDriver Driver { get; }

    /// <summary>Index among the GPUs that this process sees.</summary>
    public int Ordinal { get; }

    /// <summary>"NVIDIA H200".</summary>
    public string Name { get; }

    /// <summary>Compute capability, 90 for 9.0.</summary>
    public int Capability { get; private set; }

    public int NumMultiprocessors { get; private set; }

    /// <summary>Shared memory that a block may ask for.</summary>
    public int SharedBytesMax { get; private set; }

    /// <summary>12040 for CUDA 12.4.</summary>
    public int DriverVersion { get; private set; }

    /// <summary>ENGINE_CUDA_SYNC=1: waits after each launch, so that an error names its kernel.</summary>
    public bool SynchronizesEachLaunch { get; set; }

    /// <summary>Kernels that wait for those in front of them are launched before these have ended.</summary>
    public bool LaunchesDependents { get; private set; }

    public nint Handle { get; private set; }

    /// <summary>All work of this device, in order.</summary>
    public nint Stream { get; private set; }

    /// <summary>Why the device can be used no more; null while it can.</summary>
    public string? Lost => _loss.Why;

    /// <summary>Opens a GPU.</summary>
    /// <param name="ordinal">Index among those that the process sees.</param>
    /// <param name="libraryPath">The driver; null is the usual one.</param>
    /// <exception cref="EngineException">Unsupported: no driver, no GPU, or one that is too old; InvalidArgument: no
    /// such ordinal; OutOfMemory.</exception>
    public static CudaContext Open(int ordinal, string? libraryPath = null)
    {
        CudaDriver driver = CudaDriver.Load(libraryPath);
        CudaLoss.Check(driver, ordinal);
        int count = Count(driver), version = Version(driver);
        if (ordinal < 0 || ordinal >= count)
        {
            throw EngineException.Invalid(
                "device", $"cuda:{ordinal} is not there: {count} GPU{(count == 1 ? " is" : "s are")} visible, from "
                + "cuda:0 (CUDA_VISIBLE_DEVICES limits what is visible)");
        }

        int device;
        CudaResult result = driver.DeviceGet(&device, ordinal);
        if (result != CudaResult.Success) throw Failure(driver, result, "cuDeviceGet");
        CudaContext context = new(driver, ordinal, device) { DriverVersion = version };
        try
        {
            context.Start();
            return context;
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    /// <summary>What the driver is for: 12040 for CUDA 12.4. One that is too old is refused.</summary>
    private static int Version(CudaDriver driver)
    {
        int version;
        CudaResult result = driver.DriverGetVersion(&version);
        if (result != CudaResult.Success) throw Failure(driver, result, "cuDriverGetVersion");
        if (version >= LeastDriverVersion) return version;
        throw new EngineException(
            EngineStatus.Unsupported,
            $"device: the driver {driver.Path} is of CUDA {version / 1000}.{version % 1000 / 10}, which is too old: CUDA "
            + $"{LeastDriverVersion / 1000}.0 (driver 525) or later is needed",
            "device");
    }

    /// <summary>GPUs that this process sees.</summary>
    public static int Count(CudaDriver driver)
    {
        string call = "cuInit";
        CudaResult result = driver.Init(0);
        int count = 0;
        if (result == CudaResult.Success)
        {
            call = "cuDeviceGetCount";
            result = driver.DeviceGetCount(&count);
        }

        if (result == CudaResult.NoDevice || (result == CudaResult.Success && count == 0))
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                $"device: the CUDA driver {driver.Path} sees no GPU (is CUDA_VISIBLE_DEVICES empty, the device not passed "
                + "into the container, or MIG on without an instance?)",
                "device");
        }

        return result == CudaResult.Success ? count : throw Failure(driver, result, call);
    }

    /// <summary>Turns dependent launches on where GPU, driver and its graphs have them.</summary>
    public void LaunchDependents()
    {
        const int Capability90 = 90, DriverOfGraphs = 12030;
        LaunchesDependents = Capability >= Capability90 && DriverVersion >= DriverOfGraphs;
    }

    /// <summary>Throws for a code that is not Success; a final error closes the device.</summary>
    public void Check(CudaResult result, string call)
    {
        if (result != CudaResult.Success) Throw(result, call);
    }

    public void Synchronize()
    {
        Enter();
        Check(Driver.StreamSynchronize(Stream), "cuStreamSynchronize");
    }

    /// <summary>Free and all memory of the device, in bytes.</summary>
    public (long Free, long Total) Memory()
    {
        Enter();
        nuint free, total;
        Check(Driver.MemGetInfo(&free, &total), "cuMemGetInfo");
        return ((long)free, (long)total);
    }

    public void Dispose()
    {
        if (_isDisposed) return;
        if (Lost is null && Handle != 0)
        {
            // Whatever fails here has nobody left to tell, but it must not be followed by another call.
            if (TryEnter() && Stream != 0) Quiet(Driver.StreamDestroy(Stream));
            if (Lost is null) Quiet(Driver.CtxSetCurrent(0));
            if (Lost is null) Quiet(Driver.DevicePrimaryCtxRelease(_device));
            _current = 0;
        }

        _isDisposed = true;
        _loss.Return();
    }

    /// <summary>Takes a result where nothing may be thrown.</summary>
    public void Quiet(CudaResult result)
    {
        if (result.IsSticky()) _loss.Set(LostMessage(result, "freeing"));
    }

    private static string Capability2(int capability) => $"{capability / 10}.{capability % 10}";

    private static string NameOf(CudaDriver driver, int device)
    {
        const int Length = 256;
        byte* text = stackalloc byte[Length];
        return driver.DeviceGetName(text, Length, device) == CudaResult.Success
            ? Marshal.PtrToStringUTF8((nint)text) ?? "GPU" : "GPU";
    }

    private static EngineException Failure(CudaDriver driver, CudaResult result, string call) =>
        new(
            result.ToOpenStatus(), $"device: {call} failed: {driver.Describe(result)}{result.Hint()}", "device");

    private void Start()
    {
        Capability = (Attribute(CudaAttribute.CapabilityMajor) * 10) + Attribute(CudaAttribute.CapabilityMinor);
        NumMultiprocessors = Attribute(CudaAttribute.Multiprocessors);
        SharedBytesMax = Attribute(CudaAttribute.SharedBytesPerBlockOptIn);
        if (Capability < LeastCapability)
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                $"device: cuda:{Ordinal} ({Name}) has compute capability {Capability2(Capability)}; "
                + $"{Capability2(LeastCapability)} (Ampere) or later is needed",
                "device");
        }

        nint handle, stream;
        CudaResult result = Driver.DevicePrimaryCtxRetain(&handle, _device);
        if (result == CudaResult.OutOfMemory)
        {
            throw new EngineException(
                EngineStatus.OutOfMemory,
                $"cuda:{Ordinal} ({Name}): no memory for a context, which takes some hundred MiB; end what else uses the "
                + "GPU (nvidia-smi lists it)",
                "device");
        }

        // Nothing has been there that could be lost.
        if (result.Hint().Length > 0) throw Failure(Driver, result, "cuDevicePrimaryCtxRetain");
        Check(result, "cuDevicePrimaryCtxRetain");
        Handle = handle;
        _current = 0;
        Enter();
        Check(Driver.StreamCreate(&stream, NonBlockingStream, 0), "cuStreamCreateWithPriority");
        Stream = stream;
    }

    private int Attribute(CudaAttribute attribute)
    {
        int value;
        Check(Driver.DeviceGetAttribute(&value, attribute, _device), $"cuDeviceGetAttribute({attribute})");
        return value;
    }

    private void Throw(CudaResult result, string call)
    {
        if (!result.IsSticky())
        {
            string room = result == CudaResult.OutOfMemory ? Room() : "";
            throw new EngineException(
                result.ToStatus(), $"cuda:{Ordinal}: {call} failed: {Driver.Describe(result)}{room}", "device");
        }

        throw new EngineException(EngineStatus.DeviceLost, _loss.Set(LostMessage(result, call)), "device");
    }

    private string LostMessage(CudaResult result, string call) =>
        $"cuda:{Ordinal} ({Name}) is lost: {call}: {Driver.Describe(result)}; restart the process"
        + (SynchronizesEachLaunch ? "" : " (ENGINE_CUDA_SYNC=1 names the kernel)");
}
