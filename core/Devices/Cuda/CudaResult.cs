namespace Engine.Devices.Cuda;

/// <summary>Result codes of the driver that the backend tells apart; values of cuda.h.</summary>
internal enum CudaResult
{
    Success = 0,
    InvalidValue = 1,
    OutOfMemory = 2,
    NotInitialized = 3,
    Deinitialized = 4,
    DeviceUnavailable = 46,
    NoDevice = 100,
    InvalidDevice = 101,
    InvalidContext = 201,
    NoBinaryForGpu = 209,
    EccUncorrectable = 214,
    InvalidPtx = 218,
    NvlinkUncorrectable = 220,
    UnsupportedPtxVersion = 222,
    Contained = 226,
    NotFound = 500,
    NotReady = 600,
    IllegalAddress = 700,
    LaunchOutOfResources = 701,
    LaunchTimeout = 702,
    ContextIsDestroyed = 709,
    Assert = 710,
    HardwareStackError = 714,
    IllegalInstruction = 715,
    MisalignedAddress = 716,
    InvalidAddressSpace = 717,
    InvalidPc = 718,
    LaunchFailed = 719,
    TensorMemoryLeak = 721,
    CaptureUnsupported = 900,
    Unknown = 999,
}

/// <summary>What a code means for the engine.</summary>
internal static class CudaResults
{
    /// <summary>True for errors after which every call fails: only ending the process is reliable.</summary>
    public static bool IsSticky(this CudaResult result) => result is
        CudaResult.Deinitialized or CudaResult.DeviceUnavailable or CudaResult.EccUncorrectable
        or CudaResult.NvlinkUncorrectable or CudaResult.Contained or CudaResult.IllegalAddress
        or CudaResult.LaunchTimeout or CudaResult.ContextIsDestroyed or CudaResult.Assert
        or CudaResult.HardwareStackError or CudaResult.IllegalInstruction or CudaResult.MisalignedAddress
        or CudaResult.InvalidAddressSpace or CudaResult.InvalidPc or CudaResult.LaunchFailed
        or CudaResult.TensorMemoryLeak or CudaResult.Unknown;

    /// <summary>The engine's status for a failed call.</summary>
    public static EngineStatus ToStatus(this CudaResult result) => result switch
    {
        CudaResult.OutOfMemory => EngineStatus.OutOfMemory,
        CudaResult.NoDevice or CudaResult.InvalidDevice or CudaResult.NoBinaryForGpu
            or CudaResult.UnsupportedPtxVersion => EngineStatus.Unsupported,
        _ => result.IsSticky() ? EngineStatus.DeviceLost : EngineStatus.Internal,
    };
}
