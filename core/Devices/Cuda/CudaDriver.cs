using System.Runtime.InteropServices;

namespace Engine.Devices.Cuda;

/// <summary>
/// The driver's functions, found at run time: nothing of CUDA is needed to build, to start, or to use another
/// device.
/// </summary>
internal sealed unsafe partial class CudaDriver
{
    /// <summary>Environment variable that names the driver library instead of the usual places.</summary>
    public const string LibraryVariable = "ENGINE_CUDA_LIB";

    private static readonly string[] _usualNames = OperatingSystem.IsWindows()
        ? ["nvcuda.dll"]
        :
        [
            "libcuda.so.1",
            "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
            "/usr/lib/aarch64-linux-gnu/libcuda.so.1",
            "/usr/lib64/libcuda.so.1",
            "/usr/lib/wsl/lib/libcuda.so.1",
            "/usr/local/nvidia/lib64/libcuda.so.1",
        ];

    private static readonly Lock _lock = new();
    private static readonly Dictionary<string, CudaDriver> _loaded = new(StringComparer.Ordinal);

    private CudaDriver(string path, nint library)
    {
        Path = path;
        Library = library;
        Resolve(name => NativeLibrary.TryGetExport(library, name, out nint address)
            ? address
            : throw new EngineException(
                EngineStatus.Unsupported,
                $"device: the CUDA driver {path} has no {name}; a driver of CUDA 12.0 or later is needed", "device"));
        // Tensor copies are an option: a driver without them is not refused.
        if (NativeLibrary.TryGetExport(library, "cuTensorMapEncodeTiled", out nint encode))
        {
            TensorMapEncode = (delegate* unmanaged<
                void*, int, uint, nint, ulong*, ulong*, uint*, uint*, int, int, int, int, CudaResult>)encode;
        }
    }

    /// <summary>What was loaded.</summary>
    public string Path { get; }

    /// <summary>The library's handle; it stays loaded.</summary>
    public nint Library { get; }

    /// <summary>Loads the library (once), without starting it.</summary>
    /// <param name="path">Null is ENGINE_CUDA_LIB, or the usual places.</param>
    /// <exception cref="EngineException">Unsupported names everything that was tried.</exception>
    public static CudaDriver Load(string? path = null)
    {
        path ??= Environment.GetEnvironmentVariable(LibraryVariable);
        string[] names = string.IsNullOrEmpty(path) ? _usualNames : [path];
        lock (_lock)
        {
            foreach (string name in names)
            {
                if (_loaded.TryGetValue(name, out CudaDriver? driver)) return driver;
                if (!NativeLibrary.TryLoad(name, out nint library)) continue;
                driver = new CudaDriver(name, library);
                _loaded[name] = driver;
                return driver;
            }
        }

        throw new EngineException(
            EngineStatus.Unsupported,
            $"device: no CUDA driver found (looked for {string.Join(", ", names)}); install NVIDIA's driver, name its "
            + $"library in {LibraryVariable}, or use device cpu",
            "device");
    }

    /// <summary>"CUDA_ERROR_OUT_OF_MEMORY (2): out of memory".</summary>
    public string Describe(CudaResult result)
    {
        byte* text = null;
        string name = GetErrorName(result, &text) == CudaResult.Success && text != null
            ? Marshal.PtrToStringUTF8((nint)text)! : "CUDA error";
        text = null;
        string what = GetErrorString(result, &text) == CudaResult.Success && text != null
            ? Marshal.PtrToStringUTF8((nint)text)! : "unknown";
        return $"{name} ({(int)result}): {what}";
    }
}
