using Engine.Memory;
using Engine.Quantization;

namespace Engine.Devices.Cpu;

/// <summary>Instruction sets of the kernels, each with all below it; values of engine_kernels.h.</summary>
public enum CpuIsa
{
    /// <summary>The best this machine has.</summary>
    Auto = -1,

    /// <summary>What every machine has: x86-64-v2 on x86.</summary>
    Baseline = 0,

    /// <summary>AVX2, FMA, F16C.</summary>
    Avx2 = 1,

    /// <summary>AVX-512 F, BW, VL, DQ.</summary>
    Avx512 = 2,

    /// <summary>AVX-512 and VNNI.</summary>
    Avx512Vnni = 3,

    /// <summary>AVX-512, VNNI and BF16.</summary>
    Avx512Bf16 = 4,

    /// <summary>The same and AMX tiles, for products of bf16.</summary>
    AmxBf16 = 5,
}

/// <summary>How activations meet quantized weights; values of engine_kernels.h.</summary>
public enum ActivationPrecision
{
    /// <summary>Rounded to 8 bits per 32 values.</summary>
    Bits8 = 0,

    /// <summary>Rounded to 15 bits per 32 values, at about half the speed.</summary>
    Bits15 = 1,

    /// <summary>Not rounded: weights are widened to floats.</summary>
    Float = 2,

    /// <summary>As the checkpoint says; 8 bits where it says nothing.</summary>
    Auto = 3,
}

/// <summary>How a CPU device uses the machine.</summary>
public sealed record CpuDeviceOptions
{
    /// <summary>Threads, the caller's included; 0 is every CPU of the affinity mask and cgroup quota.</summary>
    public int NumThreads { get; init; }

    /// <summary>The instruction set to stay at or below. ENGINE_CPU_ISA lowers it further.</summary>
    public CpuIsa Isa { get; init; } = CpuIsa.Auto;

    /// <summary>Binds worker i to the i-th CPU where that is no guess: the threads fill the affinity mask, or Cpus
    /// names at least as many.</summary>
    public bool PinWorkers { get; init; } = true;

    /// <summary>Spreads weights and KV memory over all NUMA nodes. For threads on several nodes.</summary>
    public bool InterleaveMemory { get; init; }

    /// <summary>How long an idle worker spins before it parks, in microseconds.</summary>
    public int SpinUs { get; init; } = 50;

    /// <summary>For tests: AMX tiles in scalar code, on the baseline.</summary>
    internal bool EmulatesTiles { get; init; }

    /// <summary>How activations meet quantized weights.</summary>
    public ActivationPrecision ActivationPrecision { get; init; }

    /// <summary>Rounds every weight that is packed and does not ask for another form.</summary>
    public WeightQuantization Quantization { get; init; }

    /// <summary>CPUs to use, in order (one NUMA node's, for one); null is the affinity mask.</summary>
    public IReadOnlyList<int>? Cpus { get; init; }
}

internal sealed class CpuBuffer(Arena.Piece piece, long bytes) : DeviceBuffer
{
    public override nint Address => piece.Address;

    public override long Bytes => bytes;

    protected override void Dispose(bool disposing) => piece.Dispose();
}

/// <summary>Rows of a weight in one packed form.</summary>
/// <param name="Format">Packed format.</param>
/// <param name="FirstRow">Of the weight.</param>
/// <param name="N">Rows.</param>
/// <param name="Offset">First byte of its panels in the weight's memory.</param>
/// <param name="OrderOffset">First byte of the order of its inputs there, or -1 if it has none.</param>
/// <param name="Inputs">How the checkpoint rounds inputs, where it is followed.</param>
internal readonly record struct CpuSegment(
    int Format, int FirstRow, int N, long Offset, long OrderOffset, InputScheme Inputs = default);

/// <summary>A packed weight, or with IsTable an embedding table of plain rows.</summary>
internal sealed class CpuWeight(Arena.Piece piece) : LinearWeight
{
    public nint Address => piece.Address;

    /// <summary>Parts in different forms, in order of their rows; one if all have the same.</summary>
    public required CpuSegment[] Segments { get; init; }

    /// <summary>Format of the first segment, or the element type of a table.</summary>
    public int Format => Segments[0].Format;

    public required bool IsTable { get; init; }

    protected override void Dispose(bool disposing) => piece.Dispose();
}

internal sealed class CpuKvStorage : KvStorage
{
    private readonly long[] _layerOffsets;
    private readonly long _bytes;
    private nint _address;

    private CpuKvStorage(nint address, long[] layerOffsets, long bytes)
    {
        _address = address;
        _layerOffsets = layerOffsets;
        _bytes = bytes;
    }

    public override long Bytes => _bytes;

    public static CpuKvStorage Create(KvStorageShape shape, int numBlocks, bool interleave = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(numBlocks);
        var offsets = new long[shape.Layers.Count];
        long bytes = 0;
        for (int i = 0; i < offsets.Length; i++)
        {
            offsets[i] = bytes;
            bytes = checked(bytes + (LayerBlockBytes(shape, i) * numBlocks));
        }

        nint address = CpuKernels.Map(Math.Max(bytes, 1));
        if (address == 0)
        {
            throw new EngineException(
                EngineStatus.OutOfMemory, $"cannot map {bytes} bytes for {numBlocks} KV blocks");
        }

        if (interleave) _ = CpuKernels.Interleave(address, Math.Max(bytes, 1));
        return new CpuKvStorage(address, offsets, bytes) { Shape = shape, NumBlocks = numBlocks };
    }

    /// <summary>Bytes of one block of one layer. Throws InvalidArgument for what the kernels cannot hold.</summary>
    public static long LayerBlockBytes(KvStorageShape shape, int layer)
    {
        if (shape.Type is not (DType.F32 or DType.F16 or DType.BF16 or DType.I8 or DType.F8E4M3))
        {
            throw EngineException.Invalid(
                "kv_cache_dtype", $"expected float32, float16, bfloat16, int8 or fp8 on a CPU, found {shape.Type}");
        }

        if (shape.BlockSize <= 0 || shape.BlockSize % 16 != 0)
        {
            throw EngineException.Invalid(
                "block_size", $"expected a multiple of 16 on a CPU, found {shape.BlockSize}");
        }

        (int heads, int headDim) = shape.Layers[layer];
        long bytes = CpuKernels.KvBlockBytes(shape.BlockSize, heads, headDim, (int)shape.Type);
        return bytes > 0
            ? bytes
            : throw new EngineException(
                EngineStatus.Unsupported, $"layer {layer}: {heads} KV heads of {headDim} do not fit the kernels");
    }

    public CpuKernels.Kv Layer(int layer)
    {
        (int heads, int headDim) = Shape.Layers[layer];
        KvScale scale = Shape.ScaleOf(layer);
        return new CpuKernels.Kv
        {
            Data = _address + (nint)_layerOffsets[layer],
            NumBlocks = NumBlocks,
            BlockSize = Shape.BlockSize,
            NumKvHeads = heads,
            HeadDim = headDim,
            Type = (int)Shape.Type,
            RoundsQueries = Shape.ComputeType == DType.BF16 ? 1 : 0,
            KeyScale = scale.Key,
            ValueScale = scale.Value,
        };
    }

    protected override void Dispose(bool disposing)
    {
        nint address = Interlocked.Exchange(ref _address, 0);
        if (address != 0) CpuKernels.Unmap(address, Math.Max(_bytes, 1));
    }
}
