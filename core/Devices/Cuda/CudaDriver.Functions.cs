using System.Runtime.InteropServices;

namespace Engine.Devices.Cuda;

/// <summary>The functions, under their names less "cu"; NVIDIA's driver API documents them.</summary>
internal sealed unsafe partial class CudaDriver
{
    public delegate* unmanaged<CudaResult, byte**, CudaResult> GetErrorName { get; private set; }

    public delegate* unmanaged<CudaResult, byte**, CudaResult> GetErrorString { get; private set; }

    public delegate* unmanaged<uint, CudaResult> Init { get; private set; }

    public delegate* unmanaged<int*, CudaResult> DriverGetVersion { get; private set; }

    public delegate* unmanaged<int*, CudaResult> DeviceGetCount { get; private set; }

    public delegate* unmanaged<int*, int, CudaResult> DeviceGet { get; private set; }

    public delegate* unmanaged<byte*, int, int, CudaResult> DeviceGetName { get; private set; }

    public delegate* unmanaged<nuint*, int, CudaResult> DeviceTotalMem { get; private set; }

    public delegate* unmanaged<int*, CudaAttribute, int, CudaResult> DeviceGetAttribute { get; private set; }

    public delegate* unmanaged<nint*, int, CudaResult> DevicePrimaryCtxRetain { get; private set; }

    public delegate* unmanaged<int, CudaResult> DevicePrimaryCtxRelease { get; private set; }

    public delegate* unmanaged<nint, CudaResult> CtxSetCurrent { get; private set; }

    public delegate* unmanaged<nint*, CudaResult> CtxGetCurrent { get; private set; }

    public delegate* unmanaged<nuint*, nuint*, CudaResult> MemGetInfo { get; private set; }

    public delegate* unmanaged<nint*, nuint, CudaResult> MemAlloc { get; private set; }

    public delegate* unmanaged<nint, CudaResult> MemFree { get; private set; }

    public delegate* unmanaged<nint*, nuint, uint, CudaResult> MemHostAlloc { get; private set; }

    public delegate* unmanaged<nint, CudaResult> MemFreeHost { get; private set; }

    public delegate* unmanaged<nint, nint, nuint, nint, CudaResult> MemcpyHtoDAsync { get; private set; }

    public delegate* unmanaged<nint, nint, nuint, nint, CudaResult> MemcpyDtoHAsync { get; private set; }

    public delegate* unmanaged<nint, byte, nuint, nint, CudaResult> MemsetD8Async { get; private set; }

    public delegate* unmanaged<nint*, uint, int, CudaResult> StreamCreate { get; private set; }

    public delegate* unmanaged<nint, CudaResult> StreamDestroy { get; private set; }

    public delegate* unmanaged<nint, CudaResult> StreamSynchronize { get; private set; }

    public delegate* unmanaged<nint*, uint, CudaResult> EventCreate { get; private set; }

    public delegate* unmanaged<nint, CudaResult> EventDestroy { get; private set; }

    public delegate* unmanaged<nint, nint, CudaResult> EventRecord { get; private set; }

    public delegate* unmanaged<nint, CudaResult> EventSynchronize { get; private set; }

    public delegate* unmanaged<float*, nint, nint, CudaResult> EventElapsedTime { get; private set; }

    public delegate* unmanaged<nint*, nint, uint, CudaJitOption*, nint*, CudaResult> ModuleLoadData
    {
        get;
        private set;
    }

    public delegate* unmanaged<nint, CudaResult> ModuleUnload { get; private set; }

    public delegate* unmanaged<nint*, nint, byte*, CudaResult> ModuleGetFunction { get; private set; }

    public delegate* unmanaged<nint, int, int, CudaResult> FuncSetAttribute { get; private set; }

    public delegate* unmanaged<CudaLaunch*, nint, nint*, nint*, CudaResult> LaunchKernel { get; private set; }

    public delegate* unmanaged<uint, CudaJitOption*, nint*, nint*, CudaResult> LinkCreate { get; private set; }

    public delegate* unmanaged<nint, int, nint, nuint, byte*, uint, CudaJitOption*, nint*, CudaResult> LinkAddData
    {
        get;
        private set;
    }

    public delegate* unmanaged<nint, nint*, nuint*, CudaResult> LinkComplete { get; private set; }

    public delegate* unmanaged<nint, CudaResult> LinkDestroy { get; private set; }

    public delegate* unmanaged<nint, int, CudaResult> StreamBeginCapture { get; private set; }

    public delegate* unmanaged<nint, nint*, CudaResult> StreamEndCapture { get; private set; }

    public delegate* unmanaged<nint*, nint, ulong, CudaResult> GraphInstantiate { get; private set; }

    public delegate* unmanaged<nint, nint, CudaResult> GraphLaunch { get; private set; }

    public delegate* unmanaged<nint, CudaResult> GraphDestroy { get; private set; }

    public delegate* unmanaged<nint, CudaResult> GraphExecDestroy { get; private set; }

    /// <summary>cuTensorMapEncodeTiled: map, type, rank, address, sizes, strides, box, element strides, interleave,
    /// swizzle, L2 promotion, fill. Null in drivers before CUDA 12.0.</summary>
    public delegate* unmanaged<void*, int, uint, nint, ulong*, ulong*, uint*, uint*, int, int, int, int, CudaResult>
        TensorMapEncode
    { get; private set; }

    private void Resolve(Func<string, nint> find)
    {
        ResolveDevices(find);
        ResolveWork(find);
    }

    private void ResolveDevices(Func<string, nint> find)
    {
        GetErrorName = (delegate* unmanaged<CudaResult, byte**, CudaResult>)find("cuGetErrorName");
        GetErrorString = (delegate* unmanaged<CudaResult, byte**, CudaResult>)find("cuGetErrorString");
        Init = (delegate* unmanaged<uint, CudaResult>)find("cuInit");
        DriverGetVersion = (delegate* unmanaged<int*, CudaResult>)find("cuDriverGetVersion");
        DeviceGetCount = (delegate* unmanaged<int*, CudaResult>)find("cuDeviceGetCount");
        DeviceGet = (delegate* unmanaged<int*, int, CudaResult>)find("cuDeviceGet");
        DeviceGetName = (delegate* unmanaged<byte*, int, int, CudaResult>)find("cuDeviceGetName");
        DeviceTotalMem = (delegate* unmanaged<nuint*, int, CudaResult>)find("cuDeviceTotalMem_v2");
        DeviceGetAttribute = (delegate* unmanaged<int*, CudaAttribute, int, CudaResult>)find("cuDeviceGetAttribute");
        DevicePrimaryCtxRetain = (delegate* unmanaged<nint*, int, CudaResult>)find("cuDevicePrimaryCtxRetain");
        DevicePrimaryCtxRelease = (delegate* unmanaged<int, CudaResult>)find("cuDevicePrimaryCtxRelease_v2");
        CtxSetCurrent = (delegate* unmanaged<nint, CudaResult>)find("cuCtxSetCurrent");
        CtxGetCurrent = (delegate* unmanaged<nint*, CudaResult>)find("cuCtxGetCurrent");
        MemGetInfo = (delegate* unmanaged<nuint*, nuint*, CudaResult>)find("cuMemGetInfo_v2");
        MemAlloc = (delegate* unmanaged<nint*, nuint, CudaResult>)find("cuMemAlloc_v2");
        MemFree = (delegate* unmanaged<nint, CudaResult>)find("cuMemFree_v2");
        MemHostAlloc = (delegate* unmanaged<nint*, nuint, uint, CudaResult>)find("cuMemHostAlloc");
        MemFreeHost = (delegate* unmanaged<nint, CudaResult>)find("cuMemFreeHost");
        MemcpyHtoDAsync = (delegate* unmanaged<nint, nint, nuint, nint, CudaResult>)find("cuMemcpyHtoDAsync_v2");
        MemcpyDtoHAsync = (delegate* unmanaged<nint, nint, nuint, nint, CudaResult>)find("cuMemcpyDtoHAsync_v2");
        MemsetD8Async = (delegate* unmanaged<nint, byte, nuint, nint, CudaResult>)find("cuMemsetD8Async");
        StreamCreate = (delegate* unmanaged<nint*, uint, int, CudaResult>)find("cuStreamCreateWithPriority");
        StreamDestroy = (delegate* unmanaged<nint, CudaResult>)find("cuStreamDestroy_v2");
    }

    private void ResolveWork(Func<string, nint> find)
    {
        StreamSynchronize = (delegate* unmanaged<nint, CudaResult>)find("cuStreamSynchronize");
        EventCreate = (delegate* unmanaged<nint*, uint, CudaResult>)find("cuEventCreate");
        EventDestroy = (delegate* unmanaged<nint, CudaResult>)find("cuEventDestroy_v2");
        EventRecord = (delegate* unmanaged<nint, nint, CudaResult>)find("cuEventRecord");
        EventSynchronize = (delegate* unmanaged<nint, CudaResult>)find("cuEventSynchronize");
        EventElapsedTime = (delegate* unmanaged<float*, nint, nint, CudaResult>)find("cuEventElapsedTime");
        ModuleLoadData = (delegate* unmanaged<nint*, nint, uint, CudaJitOption*, nint*, CudaResult>)
            find("cuModuleLoadDataEx");
        ModuleUnload = (delegate* unmanaged<nint, CudaResult>)find("cuModuleUnload");
        ModuleGetFunction = (delegate* unmanaged<nint*, nint, byte*, CudaResult>)find("cuModuleGetFunction");
        FuncSetAttribute = (delegate* unmanaged<nint, int, int, CudaResult>)find("cuFuncSetAttribute");
        LaunchKernel = (delegate* unmanaged<CudaLaunch*, nint, nint*, nint*, CudaResult>)find("cuLaunchKernelEx");
        LinkCreate = (delegate* unmanaged<uint, CudaJitOption*, nint*, nint*, CudaResult>)find("cuLinkCreate_v2");
        LinkAddData = (delegate* unmanaged<nint, int, nint, nuint, byte*, uint, CudaJitOption*, nint*, CudaResult>)
            find("cuLinkAddData_v2");
        LinkComplete = (delegate* unmanaged<nint, nint*, nuint*, CudaResult>)find("cuLinkComplete");
        LinkDestroy = (delegate* unmanaged<nint, CudaResult>)find("cuLinkDestroy");
        StreamBeginCapture = (delegate* unmanaged<nint, int, CudaResult>)find("cuStreamBeginCapture_v2");
        StreamEndCapture = (delegate* unmanaged<nint, nint*, CudaResult>)find("cuStreamEndCapture");
        GraphInstantiate = (delegate* unmanaged<nint*, nint, ulong, CudaResult>)find("cuGraphInstantiateWithFlags");
        GraphLaunch = (delegate* unmanaged<nint, nint, CudaResult>)find("cuGraphLaunch");
        GraphDestroy = (delegate* unmanaged<nint, CudaResult>)find("cuGraphDestroy");
        GraphExecDestroy = (delegate* unmanaged<nint, CudaResult>)find("cuGraphExecDestroy");
    }
}

/// <summary>Facts of a device; values of CUdevice_attribute.</summary>
internal enum CudaAttribute
{
    Multiprocessors = 16,
    CapabilityMajor = 75,
    CapabilityMinor = 76,
    SharedBytesPerBlockOptIn = 97,
}

/// <summary>Options of the just-in-time compiler; values of CUjit_option.</summary>
internal enum CudaJitOption
{
    InfoLog = 3,
    InfoLogBytes = 4,
    ErrorLog = 5,
    ErrorLogBytes = 6,
}

/// <summary>CUlaunchConfig, 56 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CudaLaunch
{
    public uint GridX;
    public uint GridY;
    public uint GridZ;
    public uint BlockX;
    public uint BlockY;
    public uint BlockZ;
    public uint SharedBytes;
    public nint Stream;
    public void* Attributes;
    public uint NumAttributes;
}

/// <summary>CUlaunchAttribute, 72 bytes: what it is, then its value.</summary>
[StructLayout(LayoutKind.Sequential, Size = 72)]
internal struct CudaLaunchAttribute
{
    public const int ClusterDimension = 4;
    public const int ProgrammaticSerialization = 6;

    public int Id;
    public int Padding;
    public uint X;
    public uint Y;
    public uint Z;
}
