namespace Engine.Devices.Cuda;

/// <summary>Result codes of the driver that the backend tells apart; values of cuda.h.</summary>
internal enum CudaResult
{
    Success = 0,
    InvalidValue = 1,
    OutOfMemory = 2,
    NotInitialized = 3,
    Deinitialized = 4,
    StubLibrary = 34,
    DeviceUnavailable = 46,
    NoDevice = 100,
    InvalidDevice = 101,
    InvalidImage = 200,
    InvalidContext = 201,
    NoBinaryForGpu = 209,
    EccUncorrectable = 214,
    InvalidPtx = 218,
    JitCompilerNotFound = 221,
    UnsupportedPtxVersion = 222,
    JitCompilationDisabled = 223,
    InvalidSource = 300,
    SharedObjectInitFailed = 303,
    OperatingSystem = 304,
    InvalidHandle = 400,
    NotFound = 500,
    NotReady = 600,
    IllegalAddress = 700,
    LaunchOutOfResources = 701,
    LaunchFailed = 719,
    CooperativeLaunchTooLarge = 720,
    NotPermitted = 800,
    NotSupported = 801,
    SystemNotReady = 802,
    SystemDriverMismatch = 803,
    CompatNotSupportedOnDevice = 804,
    MpsConnectionFailed = 805,
    MpsClientTerminated = 810,
    CaptureUnsupported = 900,
    CaptureWrongThread = 908,
    InvalidClusterSize = 912,
    Unknown = 999,
}

/// <summary>What a code means for the engine.</summary>
internal static class CudaResults
{
    /// <summary>
    /// True for errors of a device in use after which nothing is certain: every call may fail, and only ending the
    /// process is reliable. That is every code but those that say what was wrong with one call, so that one that a
    /// later driver adds is not taken lightly.
    /// </summary>
    public static bool IsSticky(this CudaResult result) => result is not (
        CudaResult.Success or CudaResult.InvalidValue or CudaResult.OutOfMemory or CudaResult.NotInitialized
        or CudaResult.NoDevice or CudaResult.InvalidDevice or CudaResult.InvalidContext
        or CudaResult.NoBinaryForGpu or CudaResult.InvalidPtx or CudaResult.JitCompilerNotFound
        or CudaResult.UnsupportedPtxVersion or CudaResult.JitCompilationDisabled or CudaResult.InvalidImage
        or (>= CudaResult.InvalidSource and <= CudaResult.SharedObjectInitFailed) or CudaResult.InvalidHandle
        or CudaResult.NotFound or CudaResult.LaunchOutOfResources or CudaResult.CooperativeLaunchTooLarge
        or CudaResult.NotPermitted or CudaResult.NotSupported
        or (>= CudaResult.CaptureUnsupported and <= CudaResult.CaptureWrongThread) or CudaResult.InvalidClusterSize);

    /// <summary>The engine's status for a failed call on a device in use.</summary>
    public static EngineStatus ToStatus(this CudaResult result) => result switch
    {
        CudaResult.OutOfMemory or CudaResult.LaunchOutOfResources => EngineStatus.OutOfMemory,
        CudaResult.NoDevice or CudaResult.InvalidDevice or CudaResult.NoBinaryForGpu
            or CudaResult.UnsupportedPtxVersion or CudaResult.JitCompilerNotFound
            or CudaResult.JitCompilationDisabled or CudaResult.NotSupported => EngineStatus.Unsupported,
        _ => result.IsSticky() ? EngineStatus.DeviceLost : EngineStatus.Internal,
    };

    /// <summary>The status for a device that could not be opened: what the machine lacks is not a loss.</summary>
    public static EngineStatus ToOpenStatus(this CudaResult result) => result is CudaResult.Unknown
        || Hint(result).Length > 0 ? EngineStatus.Unsupported : result.ToStatus();

    /// <summary>What to do about a machine that is not set up, or nothing.</summary>
    public static string Hint(this CudaResult result) => result switch
    {
        CudaResult.StubLibrary => "; the library is a toolkit's stub: take it off the loader's path, or name the "
            + $"driver's in {CudaDriver.LibraryVariable}",
        CudaResult.DeviceUnavailable => "; another process has the GPU for itself, or its compute mode allows none "
            + "(nvidia-smi -q -d COMPUTE)",
        CudaResult.OperatingSystem => "; may this process open /dev/nvidia*?",
        CudaResult.SystemNotReady => "; where GPUs are joined by NVSwitch, nvidia-fabricmanager has to run",
        CudaResult.SystemDriverMismatch => "; the driver's library and its kernel module are of different versions: "
            + "restart the machine, or give the container the library of its host",
        CudaResult.CompatNotSupportedOnDevice => "; a cuda-compat library is found before the driver's, and this GPU "
            + "has none: take it off the loader's path",
        >= CudaResult.MpsConnectionFailed and <= CudaResult.MpsClientTerminated =>
            "; the MPS server of this machine does not take this process",
        CudaResult.Unknown => "; is the kernel module nvidia_uvm loaded, and /dev/nvidia-uvm there?",
        _ => "",
    };
}
