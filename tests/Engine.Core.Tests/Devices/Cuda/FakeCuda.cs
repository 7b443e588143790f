using System.Runtime.InteropServices;
using System.Text;
using Engine.Devices.Cuda;
using Engine.Memory;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// The fake driver of kernels/cuda/fake, set up anew. One at a time: its state belongs to the process.
/// </summary>
internal sealed unsafe class FakeCuda : IDisposable
{
    /// <summary>What ENGINE_CUDA_LIB would name.</summary>
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "libcuda_fake.so");

    private static readonly nint _library = NativeLibrary.Load(Path);
    private static readonly SemaphoreSlim _turn = new(1);

    public FakeCuda(FakeCudaOptions? options = null)
    {
        _turn.Wait();
        FakeCudaOptions o = options ?? new FakeCudaOptions();
        Native native = new()
        {
            Devices = o.Devices,
            Mode = (int)o.Order,
            Major = o.Capability / 10,
            Minor = o.Capability % 10,
            DriverVersion = o.DriverVersion,
            Multiprocessors = 4,
            SharedBytesOptIn = o.SharedBytesOptIn,
            Memory = (ulong)o.MemoryBytes,
            Seed = (ulong)o.Seed,
            // Closing memory to the host takes far longer than what is measured then.
            GuardHost = o.Skips || !o.GuardsMemory ? 0 : 1,
            Emulates = o.Emulates ? 1 : 0,
            Skips = o.Skips ? 1 : 0,
        };
        ((delegate* unmanaged<Native*, void>)Export("fake_cuda_reset"))(&native);
    }

    public FakeCudaCounters Counters
    {
        get
        {
            FakeCudaCounters counters;
            ((delegate* unmanaged<FakeCudaCounters*, void>)Export("fake_cuda_counters"))(&counters);
            return counters;
        }
    }

    /// <summary>Why the fake refused the last call that it refused.</summary>
    public string Message
    {
        get
        {
            byte* text = stackalloc byte[1024];
            ((delegate* unmanaged<byte*, int, void>)Export("fake_cuda_message"))(text, 1024);
            return Marshal.PtrToStringUTF8((nint)text) ?? "";
        }
    }

    /// <summary>How often kernels have run whose names begin so.</summary>
    public static long Runs(string start)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes(start + '\0'))
        {
            return ((delegate* unmanaged<byte*, long>)Export("fake_cuda_runs"))(text);
        }
    }

    /// <summary>Dynamic shared memory as the C headers give it.</summary>
    public static int SharedBytes(int what, int columns = 0) =>
        ((delegate* unmanaged<int, int, int>)Export("fake_cuda_shared_bytes"))(what, columns);

    /// <summary>The n-th allocation from now fails; 0 is the next, -1 none.</summary>
    public void FailAllocation(int n, CudaResult result = CudaResult.OutOfMemory) =>
        ((delegate* unmanaged<int, int, void>)Export("fake_cuda_fail_alloc"))(n, (int)result);

    /// <summary>The n-th kernel from now fails when it runs.</summary>
    public void FailLaunch(int n, CudaResult result = CudaResult.IllegalAddress) =>
        ((delegate* unmanaged<int, int, void>)Export("fake_cuda_fail_launch"))(n, (int)result);

    /// <summary>The n-th call from now of cuBLASLt's create (0), heuristic (1) or product (2) fails.</summary>
    public void FailCublasLt(int call, CublasStatus status, int n = 0, bool stays = false) =>
        ((delegate* unmanaged<int, int, int, int, void>)Export("fake_cuda_fail_cublaslt"))(
            call, n, (int)status, stays ? 1 : 0);

    /// <summary>The n-th call from now of a function of the driver (of any, if empty) does nothing and returns a code;
    /// a final one is what every call returns from then on.</summary>
    public void FailCall(string function, int n, CudaResult result, bool isFinal)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes(function + '\0'))
        {
            ((delegate* unmanaged<byte*, int, int, int, void>)Export("fake_cuda_fail_call"))(
                text, n, (int)result, isFinal ? 1 : 0);
        }
    }

    /// <summary>Functions of the driver that have been called, and how often.</summary>
    public IReadOnlyList<(string Function, long Count)> Calls()
    {
        List<(string, long)> all = [];
        byte* name = stackalloc byte[128];
        while (((delegate* unmanaged<int, byte*, int, int>)Export("fake_cuda_called"))(all.Count, name, 128) != 0)
        {
            all.Add((
                Marshal.PtrToStringUTF8((nint)name)!,
                ((delegate* unmanaged<byte*, long>)Export("fake_cuda_calls"))(name)));
        }

        return all;
    }

    /// <summary>Compilations fail.</summary>
    public void FailCompilation() => ((delegate* unmanaged<int, void>)Export("fake_cuda_fail_link"))(1);

    /// <summary>Another process takes memory.</summary>
    public void UseMore(long bytes, int device = 0) =>
        ((delegate* unmanaged<int, ulong, void>)Export("fake_cuda_use"))(device, (ulong)bytes);

    /// <summary>A context on the fake.</summary>
    public CudaContext Open(int ordinal = 0) => CudaContext.Open(ordinal, Path);

    /// <summary>How to open a device on the fake with the embedded kernels.</summary>
    public static CudaDeviceOptions DeviceOptions(DType type = DType.F32, bool usesGraphs = true) => new()
    {
        ActivationType = type,
        LibraryPath = Path,
        Cache = new CubinCache(null),
        UsesGraphs = usesGraphs,
    };

    /// <summary>A device on the fake with the embedded kernels.</summary>
    public CudaDevice Device(DType type = DType.F32, bool usesGraphs = true) => new(DeviceOptions(type, usesGraphs));

    public void Dispose()
    {
        ((delegate* unmanaged<Native*, void>)Export("fake_cuda_reset"))(null);
        CudaLoss.Forget();
        _turn.Release();
    }

    private static nint Export(string name) => NativeLibrary.GetExport(_library, name);

    [StructLayout(LayoutKind.Sequential)]
    private struct Native
    {
        public int Devices;
        public int Mode;
        public int Major;
        public int Minor;
        public int DriverVersion;
        public int Multiprocessors;
        public int SharedBytesOptIn;
        public ulong Memory;
        public ulong Seed;
        public int GuardHost;
        public int Emulates;
        public int Skips;
    }
}

/// <summary>When the fake does work that may wait.</summary>
internal enum FakeOrder
{
    Eager,
    Late,
    Random,
}

internal sealed record FakeCudaOptions
{
    public int Devices { get; init; } = 1;

    public FakeOrder Order { get; init; } = FakeOrder.Random;

    public int Capability { get; init; } = 90;

    public int DriverVersion { get; init; } = 12040;

    public int SharedBytesOptIn { get; init; } = 232448;

    public long MemoryBytes { get; init; } = 1L << 30;

    public int Seed { get; init; } = 1;

    /// <summary>Kernels run instruction by instruction instead of in their plain form.</summary>
    public bool Emulates { get; init; }

    /// <summary>Device memory is closed to the host, which takes most of a test's time.</summary>
    public bool GuardsMemory { get; init; } = true;

    /// <summary>Kernels do nothing, and the sampler chooses token 0: what is left is the host's time.</summary>
    public bool Skips { get; init; }
}

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FakeCudaCounters(
    long DeviceAllocations, long DeviceBytes, long HostAllocations, long HostBytes, long Streams, long Events,
    long Modules, long Graphs, long GraphExecutables, long Links, long Contexts, long Launches, long GraphLaunches,
    long CopiesToDevice, long CopiesToHost, long CallsAfterLost, long PageableCopies, long Compilations,
    long Synchronizations, long Done, long BytesToHost, long Calls, long Nanoseconds, long Dependents,
    long CublasLtObjects, long Products)
{
    /// <summary>Everything that must be gone in the end.</summary>
    public long Live => DeviceAllocations + HostAllocations + Streams + Events + Modules + Graphs + GraphExecutables
        + Links + Contexts + CublasLtObjects;
}

/// <summary>PTX as text, enough of it for the fake.</summary>
internal sealed class TextImages(string version = "7.8", params string[] targets) : CudaImages
{
    private readonly Dictionary<string, List<(string Name, int Bytes)>> _modules = new(StringComparer.Ordinal)
    {
        ["fake"] = [("fake_fill", 24), ("fake_copy", 24), ("fake_add", 24), ("fake_wild", 24)],
    };

    public TextImages Add(string module, string kernel, int argumentBytes)
    {
        if (!_modules.TryGetValue(module, out List<(string, int)>? entries)) _modules[module] = entries = [];
        entries.Add((kernel, argumentBytes));
        return this;
    }

    public override IReadOnlyList<string> Modules(string target) =>
        (targets.Length == 0 ? ["sm_80"] : targets).Contains(target) ? [.. _modules.Keys] : [];

    public override byte[] Read(string module, string target)
    {
        StringBuilder text = new($".version {version}\n.target {target}\n.address_size 64\n");
        foreach ((string name, int bytes) in _modules[module])
        {
            text.Append(
                $".visible .entry {name}(\n    .param .align 8 .b8 {name}_param_0[{bytes}]\n)\n{{\n    ret;\n}}\n");
        }

        return Encoding.UTF8.GetBytes(text.Append('\0').ToString());
    }
}
