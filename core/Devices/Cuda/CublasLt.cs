using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Engine.Devices.Cuda;

/// <summary>cuBLASLt's functions, found at run time, under their names less "cublasLt"; NVIDIA documents them.</summary>
internal sealed unsafe class CublasLt
{
    /// <summary>Environment variable that names the library instead of the usual places.</summary>
    public const string LibraryVariable = "ENGINE_CUDA_CUBLASLT_LIB";

    private static readonly string[] _names = OperatingSystem.IsWindows()
        ? ["cublasLt64_13.dll", "cublasLt64_12.dll"]
        : ["libcublasLt.so.13", "libcublasLt.so.12"];

    private CublasLt(Func<string, nint> find)
    {
        GetVersion = (delegate* unmanaged<nuint>)find("cublasLtGetVersion");
        GetStatusName = (delegate* unmanaged<CublasStatus, byte*>)find("cublasLtGetStatusName");
        Create = (delegate* unmanaged<nint*, CublasStatus>)find("cublasLtCreate");
        Destroy = (delegate* unmanaged<nint, CublasStatus>)find("cublasLtDestroy");
        DescCreate = (delegate* unmanaged<nint*, int, int, CublasStatus>)find("cublasLtMatmulDescCreate");
        DescDestroy = (delegate* unmanaged<nint, CublasStatus>)find("cublasLtMatmulDescDestroy");
        DescSet = (delegate* unmanaged<nint, int, void*, nuint, CublasStatus>)find("cublasLtMatmulDescSetAttribute");
        LayoutCreate = (delegate* unmanaged<nint*, int, ulong, ulong, long, CublasStatus>)
            find("cublasLtMatrixLayoutCreate");
        LayoutDestroy = (delegate* unmanaged<nint, CublasStatus>)find("cublasLtMatrixLayoutDestroy");
        LayoutSet = (delegate* unmanaged<nint, int, void*, nuint, CublasStatus>)
            find("cublasLtMatrixLayoutSetAttribute");
        PreferenceCreate = (delegate* unmanaged<nint*, CublasStatus>)find("cublasLtMatmulPreferenceCreate");
        PreferenceDestroy = (delegate* unmanaged<nint, CublasStatus>)find("cublasLtMatmulPreferenceDestroy");
        PreferenceSet = (delegate* unmanaged<nint, int, void*, nuint, CublasStatus>)
            find("cublasLtMatmulPreferenceSetAttribute");
        GetHeuristic = (delegate* unmanaged<
            nint, nint, nint, nint, nint, nint, nint, int, CublasHeuristic*, int*, CublasStatus>)
            find("cublasLtMatmulAlgoGetHeuristic");
        Matmul = (delegate* unmanaged<
            nint, nint, float*, nint, nint, nint, nint, float*, nint, nint, nint, nint, CublasAlgorithm*, nint, nuint,
            nint, CublasStatus>)find("cublasLtMatmul");
    }

    public delegate* unmanaged<nuint> GetVersion { get; }

    public delegate* unmanaged<CublasStatus, byte*> GetStatusName { get; }

    public delegate* unmanaged<nint*, CublasStatus> Create { get; }

    public delegate* unmanaged<nint, CublasStatus> Destroy { get; }

    /// <summary>Descriptor, compute type, type of alpha and beta.</summary>
    public delegate* unmanaged<nint*, int, int, CublasStatus> DescCreate { get; }

    public delegate* unmanaged<nint, CublasStatus> DescDestroy { get; }

    public delegate* unmanaged<nint, int, void*, nuint, CublasStatus> DescSet { get; }

    /// <summary>Layout, type, rows, columns, elements from column to column.</summary>
    public delegate* unmanaged<nint*, int, ulong, ulong, long, CublasStatus> LayoutCreate { get; }

    public delegate* unmanaged<nint, CublasStatus> LayoutDestroy { get; }

    public delegate* unmanaged<nint, int, void*, nuint, CublasStatus> LayoutSet { get; }

    public delegate* unmanaged<nint*, CublasStatus> PreferenceCreate { get; }

    public delegate* unmanaged<nint, CublasStatus> PreferenceDestroy { get; }

    public delegate* unmanaged<nint, int, void*, nuint, CublasStatus> PreferenceSet { get; }

    /// <summary>Handle, descriptor, layouts of A, B, C and D, preference, wanted, found, number found.</summary>
    public delegate* unmanaged<
        nint, nint, nint, nint, nint, nint, nint, int, CublasHeuristic*, int*, CublasStatus> GetHeuristic
    { get; }

    /// <summary>Handle, descriptor, alpha, A, its layout, B, its layout, beta, C, its layout, D, its layout, algorithm,
    /// workspace, its bytes, stream.</summary>
    public delegate* unmanaged<
        nint, nint, float*, nint, nint, nint, nint, float*, nint, nint, nint, nint, CublasAlgorithm*, nint, nuint, nint,
        CublasStatus> Matmul
    { get; }

    /// <summary>"12.4.5".</summary>
    public string Version
    {
        get
        {
            int version = (int)GetVersion();
            return $"{version / 10000}.{version / 100 % 100}.{version % 100}";
        }
    }

    /// <summary>Where the library may be: the given place alone, or the loader's places, a toolkit's and those of
    /// Python's packages. Files that are there; names that the loader may find.</summary>
    /// <param name="path">Null is ENGINE_CUDA_CUBLASLT_LIB, or the usual places.</param>
    public static IEnumerable<string> Places(string? path)
    {
        path ??= Environment.GetEnvironmentVariable(LibraryVariable);
        if (!string.IsNullOrEmpty(path)) return [path];
        return _names.Concat(
            from name in _names
            from folder in Folders()
            let file = Path.Combine(folder, name)
            where File.Exists(file)
            select file);
    }

    /// <summary>Loads what is there; it stays loaded.</summary>
    public static bool TryLoad(string path, [NotNullWhen(true)] out CublasLt? library)
    {
        library = null;
        if (!NativeLibrary.TryLoad(path, out nint handle)) return false;
        bool isWhole = true;
        CublasLt found = new(name =>
        {
            isWhole &= NativeLibrary.TryGetExport(handle, name, out nint address);
            return address;
        });
        if (isWhole) library = found;
        return isWhole;
    }

    public string Describe(CublasStatus status) =>
        Marshal.PtrToStringUTF8((nint)GetStatusName(status)) ?? $"status {(int)status}";

    private static IEnumerable<string> Folders()
    {
        yield return "/usr/local/cuda/lib64";
        yield return "/usr/lib/x86_64-linux-gnu";
        yield return "/usr/lib/aarch64-linux-gnu";
        yield return "/usr/lib64";
        foreach (string variable in (string[])["VIRTUAL_ENV", "CONDA_PREFIX"])
        {
            if (Environment.GetEnvironmentVariable(variable) is not { Length: > 0 } root) continue;
            yield return Path.Combine(root, "lib");
            foreach (string folder in OfPackages(Path.Combine(root, "lib"))) yield return folder;
        }

        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        foreach (string root in (string[])[Path.Combine(home, ".local/lib"), "/usr/local/lib", "/usr/lib"])
        {
            foreach (string folder in OfPackages(root)) yield return folder;
        }
    }

    // lib/python3.x/site-packages/nvidia/cublas/lib of CUDA 12's wheels, nvidia/cu13/lib of CUDA 13's.
    private static IEnumerable<string> OfPackages(string root)
    {
        if (!Directory.Exists(root)) return [];
        return
            from python in Directory.GetDirectories(root, "python3*").Order(StringComparer.Ordinal)
            from packages in (string[])["site-packages", "dist-packages"]
            from part in (string[])["nvidia/cublas/lib", "nvidia/cu13/lib"]
            select Path.Combine(python, packages, part);
    }
}

/// <summary>cublasStatus_t.</summary>
internal enum CublasStatus
{
    Success = 0,
    NotInitialized = 1,
    AllocFailed = 3,
    InvalidValue = 7,
    ArchMismatch = 8,
    MappingError = 11,
    ExecutionFailed = 13,
    InternalError = 14,
    NotSupported = 15,
    LicenseError = 16,
}

/// <summary>cublasLtMatmulAlgo_t, 64 bytes that the library alone reads.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct CublasAlgorithm
{
    public ulong First;
}

/// <summary>cublasLtMatmulHeuristicResult_t, 96 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Size = 96)]
internal struct CublasHeuristic
{
    public CublasAlgorithm Algorithm;
    public nuint WorkspaceBytes;
    public CublasStatus State;
    public float Waves;
}
