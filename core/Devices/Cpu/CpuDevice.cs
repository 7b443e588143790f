using Engine.Memory;

namespace Engine.Devices.Cpu;

/// <summary>
/// The CPU by native kernels. A device runs one operation at a time and belongs to one engine thread;
/// its workers join in. Results do not depend on the number of threads.
/// </summary>
public sealed unsafe partial class CpuDevice : IDevice
{
    /// <summary>Environment variable that lowers the instruction set: baseline, avx2, avx512, ...</summary>
    public const string IsaVariable = "ENGINE_CPU_ISA";

    private const int EmulatedTiles = 1000;

    private readonly NativeArena _arena;
    private readonly bool _interleaves;
    private nint _context;

    /// <summary>The native context, for tests and benchmarks of single kernels.</summary>
    internal nint Context => _context;

    /// <summary>Starts the workers. Throws InvalidArgument or OutOfMemory.</summary>
    public CpuDevice(CpuDeviceOptions? options = null)
    {
        options ??= new CpuDeviceOptions();
        _interleaves = options.InterleaveMemory;
        _arena = new NativeArena(_interleaves);
        int[] cpus = options.Cpus?.ToArray() ?? [];
        nint context;
        int status;
        fixed (int* first = cpus)
        {
            var native = new CpuKernels.ContextOptions
            {
                Threads = options.NumThreads,
                Isa = options.EmulatesTiles ? EmulatedTiles : (int)Lower(options.Isa, IsaOfEnvironment()),
                Pin = options.PinWorkers ? 1 : 0,
                SpinUs = options.SpinUs,
                Cpus = first,
                NumCpus = cpus.Length,
            };
            status = CpuKernels.ContextCreate(&native, &context);
        }

        if (status != 0)
        {
            throw new EngineException(
                (EngineStatus)status, $"cannot start {options.NumThreads} CPU threads: {(EngineStatus)status}",
                "num_threads");
        }

        _context = context;
        ActivationPrecision = options.ActivationPrecision;
        Quantization = options.Quantization;
        Isa = (CpuIsa)CpuKernels.ContextIsa(context);
        NumThreads = CpuKernels.ContextThreads(context);
    }

    /// <summary>The best instruction set of this machine.</summary>
    public static CpuIsa BestIsa => (CpuIsa)CpuKernels.IsaBest();

    /// <summary>CPUs of the affinity mask and cgroup quota.</summary>
    public static int CpuCount => CpuKernels.CpuCount();

    /// <summary>The instruction set in use.</summary>
    public CpuIsa Isa { get; }

    /// <summary>How activations meet quantized weights.</summary>
    public ActivationPrecision ActivationPrecision { get; }

    /// <summary>What weights are rounded to that do not ask for another form.</summary>
    public WeightQuantization Quantization { get; }

    /// <summary>Threads that work, the caller's included.</summary>
    public int NumThreads { get; private set; }

    /// <inheritdoc/>
    public string Name => $"cpu ({NameOf(Isa)}, {NumThreads} thread{(NumThreads == 1 ? "" : "s")})";

    /// <inheritdoc/>
    public DType ActivationType => DType.F32;

    /// <inheritdoc/>
    public bool EmbedsPackedLinear => true;

    /// <summary>Bytes of weights and buffers held.</summary>
    public long AllocatedBytes => _arena.UsedBytes;

    /// <summary>Lets fewer of the started threads work. Results do not change.</summary>
    public void SetNumThreads(int threads)
    {
        Check(CpuKernels.ContextSetThreads(_context, threads), nameof(SetNumThreads));
        NumThreads = threads;
    }

    /// <summary>
    /// Binds the calling thread to the first CPU of the device, beside the workers on the others, if those are bound.
    /// For benchmarks: not for a thread of .NET that starts others, which would inherit the binding.
    /// </summary>
    public bool PinCallingThread() => CpuKernels.ContextPinCaller(_context) == 0;

    /// <inheritdoc/>
    public DeviceBuffer Allocate(long bytes) => new CpuBuffer(_arena.Allocate(bytes), bytes);

    /// <inheritdoc/>
    public DeviceBuffer Upload(ReadOnlySpan<float> values)
    {
        DeviceBuffer buffer = Allocate((long)values.Length * sizeof(float));
        values.CopyTo(new Span<float>((void*)buffer.Address, values.Length));
        return buffer;
    }

    /// <inheritdoc/>
    public LinearWeight PackLinear(LinearSource source)
    {
        CpuWeightPlan plan = PlanOf(source);
        Arena.Piece piece = _arena.Allocate(plan.Bytes);
        try
        {
            Pack(plan, piece.Address, source.OnRead);
        }
        catch
        {
            piece.Dispose();
            throw;
        }

        return new CpuWeight(piece)
        {
            N = source.N,
            K = source.K,
            Bytes = plan.Bytes,
            Segments = [.. plan.Segments.Select(s => s.Segment)],
            IsTable = false,
        };
    }

    /// <inheritdoc/>
    public long PackedLinearBytes(LinearSource source) => PlanOf(source).Bytes;

    /// <inheritdoc/>
    public LinearWeight PackEmbedding(LinearSource source)
    {
        if (IsQuantized(source)) return PackLinear(source);
        DType type = TableType(source);
        long bytes = PackedEmbeddingBytes(source);
        Arena.Piece piece = _arena.Allocate(bytes);
        foreach ((int first, LinearSource rows) in LinearWindows.Of(source))
        {
            EmbeddingTable.Write(rows, type, piece.Address + (nint)((long)first * source.K * type.SizeOf()));
            source.OnRead?.Invoke(LinearWindows.StoredBytes(rows));
        }

        return new CpuWeight(piece)
        {
            N = source.N,
            K = source.K,
            Bytes = bytes,
            Segments = [new CpuSegment((int)type, 0, source.N, 0, -1)],
            IsTable = true,
        };
    }

    /// <inheritdoc/>
    public long PackedEmbeddingBytes(LinearSource source) => IsQuantized(source)
        ? PackedLinearBytes(source)
        : (long)source.N * source.K * TableType(source).SizeOf();

    // Rows of half precision are widened as they are looked up, which is exact: a table may be half of a model.
    private static DType TableType(LinearSource source) =>
        source.ComputeType != DType.F32 ? source.ComputeType
        : source.Parts.All(p => IsPlain(p, DType.BF16)) ? DType.BF16
        : source.Parts.All(p => IsPlain(p, DType.F16)) ? DType.F16
        : DType.F32;

    private static bool IsPlain(LinearPart part, DType type) =>
        part.Type == type && part.Matrix is null && part.Blocks == WeightBlocks.None;

    // Such a table stays as small as it is; Embed reads its rows as it reads those of tied weights.
    private bool IsQuantized(LinearSource source) => RoundingOf(source) == WeightQuantization.None
        && source.Parts.All(p => p.Blocks != WeightBlocks.None || p.Matrix?.Codes is not null);

    /// <inheritdoc/>
    public KvStorage CreateKvStorage(KvStorageShape shape, int numBlocks) =>
        CpuKvStorage.Create(shape, numBlocks, _interleaves);

    /// <inheritdoc/>
    public long KvBlockBytes(KvStorageShape shape)
    {
        long bytes = 0;
        for (int i = 0; i < shape.Layers.Count; i++) bytes += CpuKvStorage.LayerBlockBytes(shape, i);
        return bytes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        nint context = Interlocked.Exchange(ref _context, 0);
        if (context == 0) return;
        CpuKernels.ContextDestroy(context);
        _arena.Dispose();
    }

    private static CpuIsa IsaOfEnvironment()
    {
        string? text = Environment.GetEnvironmentVariable(IsaVariable);
        if (string.IsNullOrEmpty(text)) return CpuIsa.Auto;
        foreach (CpuIsa isa in Enum.GetValues<CpuIsa>())
        {
            if (NameOf(isa).Equals(text, StringComparison.OrdinalIgnoreCase)) return isa;
        }

        throw EngineException.Invalid(
            IsaVariable,
            $"expected one of {string.Join(", ", Enum.GetValues<CpuIsa>().Select(NameOf))}, found {text}");
    }

    private static string NameOf(CpuIsa isa) => isa switch
    {
        CpuIsa.Baseline => "baseline",
        CpuIsa.Avx2 => "avx2",
        CpuIsa.Avx512 => "avx512",
        CpuIsa.Avx512Vnni => "avx512-vnni",
        CpuIsa.Avx512Bf16 => "avx512-bf16",
        CpuIsa.AmxBf16 => "amx-bf16",
        _ => "auto",
    };

    private static CpuIsa Lower(CpuIsa a, CpuIsa b) =>
        a == CpuIsa.Auto ? b : b == CpuIsa.Auto ? a : (CpuIsa)Math.Min((int)a, (int)b);

    private static void Check(int status, string operation)
    {
        if (status != 0)
        {
            throw new EngineException(
                (EngineStatus)status, $"{operation}: the CPU kernel refused its arguments ({(EngineStatus)status})");
        }
    }
}
