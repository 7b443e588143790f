using System.Runtime.InteropServices;
using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>
/// An NVIDIA GPU by its driver API. Operations are launches in the order of one stream; only Download waits. Belongs
/// to one thread at a time.
/// </summary>
internal sealed unsafe partial class CudaDevice : IDevice
{
    private const int TransferSlots = 2;
    private const long TransferBytes = 8L << 20;
    private const int PlannedCapability = 90;

    private readonly CudaContext? _context;
    private readonly string _name;
    private readonly long _plannedBytes;
    private readonly long _plannedOptionBytes;
    private readonly CudaModules _modules;
    private readonly CudaArena _weights;
    private readonly CudaArena _activations;
    private readonly CudaKernels _kernels;
    private readonly CudaUploads _uploads;
    private readonly CudaWgmma? _wgmma;
    private readonly bool _usesWgmmaAttention;
    private readonly CudaCublasLt? _cublasLt;
    private readonly string? _withoutCublasLt;
    private CudaStaging? _transfer;

    /// <summary>Opens a GPU.</summary>
    /// <exception cref="EngineException">Unsupported, InvalidArgument or OutOfMemory; names what is missing.</exception>
    public CudaDevice(CudaDeviceOptions options)
    {
        if (options.ActivationType is not (DType.F32 or DType.F16 or DType.BF16))
        {
            throw EngineException.Invalid("dtype", $"a GPU does not compute in {options.ActivationType}");
        }

        ActivationType = options.ActivationType;
        FollowsInputs = options.FollowsInputs;
        UsesGraphs = RecordsSteps(options);
        GraphSizes = options.GraphSizes;
        RunsAhead = options.RunsAhead ?? RunsAheadByDefault;
        _usesWgmmaAttention = options.UsesWgmmaAttention || IsOn("ENGINE_CUDA_WGMMA_ATTENTION");
        _context = CudaContext.Open(options.Ordinal, options.LibraryPath);
        _name = $"cuda:{_context.Ordinal} ({_context.Name}, compute capability {_context.Capability / 10}."
            + $"{_context.Capability % 10}";
        if (options.LaunchesDependents || IsOn("ENGINE_CUDA_PDL")) _context.LaunchDependents();

        try
        {
            _modules = new CudaModules(
                Gpu, options.Images ?? CudaImages.Embedded, options.Cache ?? CubinCache.OfEnvironment());
            _kernels = new CudaKernels(_modules);
            _weights = new CudaArena(Gpu, "weights");
            _activations = new CudaArena(Gpu, "activations");
            _uploads = new CudaUploads(Gpu);
            if (UsesWgmma(options)) _wgmma = CudaWgmma.Create(Gpu, _kernels, ActivationType);

            if (UsesCublasLt(options) && ActivationType != DType.F32)
            {
                _cublasLt = CudaCublasLt.Create(Gpu, options.CublasLtPath, out string missing);
                if (_cublasLt is null) _withoutCublasLt = $", without cuBLASLt ({missing})";
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private CudaDevice(DType type, long bytes, bool followsInputs, CudaDeviceOptions options)
    {
        ActivationType = type;
        FollowsInputs = followsInputs;
        UsesGraphs = RecordsSteps(options);
        RunsAhead = options.RunsAhead ?? RunsAheadByDefault;
        _plannedBytes = bytes;
        _name = "cuda (planned";
        if (type != DType.F32)
        {
            if (UsesWgmma(options)) _plannedOptionBytes += CudaWgmma.Bytes;
            if (UsesCublasLt(options)) _plannedOptionBytes += CudaCublasLt.WorkspaceBytes(PlannedCapability);
        }

        _modules = null!;
        _kernels = null!;
        _weights = null!;
        _activations = null!;
        _uploads = null!;
    }

    /// <summary>A GPU of so much memory for plans alone: it need not be there, and computes nothing.</summary>
    public static CudaDevice ForPlan(
        DType type, long bytes, bool followsInputs = false, CudaDeviceOptions? options = null) =>
        new(type, bytes, followsInputs, options ?? new CudaDeviceOptions());

    /// <inheritdoc/>
    public string Name => $"{_name}, {ActivationType.ToString().ToLowerInvariant()}"
        + (_cublasLt is null ? _withoutCublasLt : $", {_cublasLt.Name}") + ")";

    /// <inheritdoc/>
    public DType ActivationType { get; }

    /// <inheritdoc/>
    public bool IsHostMemory => false;

    /// <inheritdoc/>
    public bool EmbedsPackedLinear => true;

    /// <summary>Inputs of quantized weights are rounded as the checkpoint says.</summary>
    public bool FollowsInputs { get; }

    /// <summary>Uniform steps are captured and replayed.</summary>
    public bool UsesGraphs { get; }

    /// <summary>Numbers of sequences that recorded steps are padded to; null is StepGraphs' own.</summary>
    public int[]? GraphSizes { get; }

    /// <summary>The next step begins before this one's tokens are read.</summary>
    public bool RunsAhead { get; }

    internal CudaContext Context => Gpu;

    private static bool RunsAheadByDefault => Environment.GetEnvironmentVariable("ENGINE_CUDA_ASYNC") != "0";

    private static bool RecordsSteps(CudaDeviceOptions options) =>
        options.UsesGraphs && Environment.GetEnvironmentVariable("ENGINE_CUDA_GRAPHS") != "0"
        && options.GraphSizes is not [];

    private static bool UsesWgmma(CudaDeviceOptions options) => options.UsesWgmma || IsOn("ENGINE_CUDA_WGMMA");

    private static bool UsesCublasLt(CudaDeviceOptions options) =>
        options.UsesCublasLt || IsOn("ENGINE_CUDA_CUBLASLT");

    private static bool IsOn(string variable) => Environment.GetEnvironmentVariable(variable) == "1";

    private CudaContext Gpu => _context ?? throw new InvalidOperationException("a planned GPU computes nothing");

    /// <inheritdoc/>
    public void ReserveWeights(long bytes)
    {
        // Small vectors are padded to the arena's alignment, which a plan does not count.
        const long Slack = 256 << 10;
        if (bytes > 0) _weights.Reserve(bytes + Slack);
    }

    /// <inheritdoc/>
    public DeviceBuffer Allocate(long bytes)
    {
        Arena.Piece piece = _activations.Allocate(bytes);
        try
        {
            Gpu.Fill(piece.Address, 0, bytes);
            return new CudaBuffer(piece, bytes);
        }
        catch
        {
            piece.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public DeviceBuffer Upload(ReadOnlySpan<float> values)
    {
        long bytes = (long)values.Length * sizeof(float);
        Arena.Piece piece = _weights.Allocate(bytes);
        try
        {
            Send(values, piece.Address);
            return new CudaBuffer(piece, bytes);
        }
        catch
        {
            piece.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public KvStorage CreateKvStorage(KvStorageShape shape, int numBlocks) =>
        CudaKvStorage.Create(Gpu, shape, numBlocks, RunsAhead);

    /// <inheritdoc/>
    public long KvBlockBytes(KvStorageShape shape) => CudaLayout.KvBlockBytes(shape);

    /// <inheritdoc/>
    public DeviceMemory Memory()
    {
        if (_context is null) return new DeviceMemory(_plannedBytes, _plannedBytes);
        (long free, long total) = Gpu.Memory();
        return new DeviceMemory(free, total);
    }

    /// <inheritdoc/>
    public long KvMemory(DeviceMemory memory, double utilization, long weightBytes, long stepBytes)
    {
        // Recordings take memory of the driver's own, which no call tells beforehand.
        long graphs = UsesGraphs ? Math.Min(memory.TotalBytes / 64, 512L << 20) : 0;
        long used = memory.TotalBytes - memory.FreeBytes;
        // Chunks of activations that are not full.
        const long Slack = 2 * CudaArena.ChunkBytes;
        return (long)(memory.TotalBytes * utilization) - used - weightBytes - stepBytes - graphs - Slack;
    }

    /// <inheritdoc/>
    public long StepBytes(StepLimits limits, KvStorageShape shape) =>
        CudaDeviceStep.BytesFor(limits)
        + AttentionScratch.BytesFor(shape, ActivationType, ScratchChunks(limits, shape)) + _ordered.BytesToCome
        + _rounded.BytesToCome + _plannedOptionBytes + (_wgmma?.BytesToCome ?? 0) + (_cublasLt?.BytesToCome ?? 0)
        + (KvBlockBytes(shape) * CudaKvStorage.NumSpareBlocks(shape, RunsAhead));

    /// <inheritdoc/>
    public void Dispose()
    {
        _transfer?.Dispose();
        _transfer = null;
        _uploads?.Dispose();
        _scratch?.Dispose();
        _wgmma?.Dispose();
        _cublasLt?.Dispose();
        _activations?.Dispose();
        _weights?.Dispose();
        _modules?.Dispose();
        _context?.Dispose();
    }

    // Made when the first weight comes: a device that only plans or computes needs none.
    private CudaStaging Transfer(long rowBytes = 0)
    {
        if (_transfer is not null && _transfer.SlotBytes >= rowBytes) return _transfer;
        if (_transfer is not null) Gpu.Synchronize();
        _transfer?.Dispose();
        _transfer = null;
        return _transfer = new CudaStaging(Gpu, TransferSlots, Math.Max(TransferBytes, rowBytes));
    }
}
