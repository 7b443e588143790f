using System.Runtime.InteropServices;
using Engine.Memory;
using Engine.Quantization;

namespace Engine.Devices.Cpu;

/// <summary>How a weight will be packed: its runs of parts that share a form.</summary>
/// <param name="Segments">The runs.</param>
/// <param name="Bytes">Bytes of all.</param>
internal sealed record CpuWeightPlan(
    IReadOnlyList<(CpuSegment Segment, LinearSource Source)> Segments, long Bytes);

public sealed unsafe partial class CpuDevice
{
    // Rows that pass through f32 on their way from a checkpoint's own form; small enough to stay in a cache.
    private const long StagingBytes = 2 << 20;

    private CpuWeightPlan PlanOf(LinearSource source)
    {
        List<(CpuSegment, LinearSource)> segments = [];
        long bytes = 0;
        int row = 0;
        foreach ((int format, LinearSource run) in RunsOf(source))
        {
            long panels = CpuKernels.LinearBytes(run.N, run.K, format);
            if (panels <= 0) throw EngineException.Invalid("weight", $"[{run.N}, {run.K}] is out of range");
            bool isOrdered = format >= CpuFormat.Codes && run.Parts[0].Matrix!.InputOrder is not null;
            bool isFollowed = format >= CpuFormat.Codes && ActivationPrecision == ActivationPrecision.Auto;
            InputScheme inputs = isFollowed ? run.Parts[0].Matrix!.Inputs : default;
            segments.Add((new CpuSegment(format, row, run.N, bytes, isOrdered ? bytes + panels : -1, inputs), run));
            bytes += panels + (isOrdered ? (((long)run.K * sizeof(int)) + 63) / 64 * 64 : 0);
            row += run.N;
        }

        return new CpuWeightPlan(segments, bytes);
    }

    // Neighbours of the same form become one; q, k and v of a mixed file do not share one.
    private List<(int Format, LinearSource Run)> RunsOf(LinearSource source)
    {
        List<(int Format, List<LinearPart> Parts)> runs = [];
        WeightQuantization rounding = RoundingOf(source);
        foreach (LinearPart stored in source.Parts)
        {
            LinearPart part = rounding == WeightQuantization.Fp8 ? RoundedToFloat8(stored) : stored;
            bool hasCodes = rounding is WeightQuantization.None or WeightQuantization.Fp8;
            int format = hasCodes && part.Matrix is WeightMatrix matrix ? CpuFormat.Of(matrix) : 0;
            if (runs.Count > 0 && runs[^1].Format == format
                && (format == 0 || SameCodes(runs[^1].Parts[0].Matrix!, part.Matrix!)))
            {
                runs[^1].Parts.Add(part);
            }
            else
            {
                runs.Add((format, [part]));
            }
        }

        return [.. runs.Select(run =>
        {
            LinearSource part = source.With(run.Parts);
            return (run.Format == 0 ? FormatOf(part) : run.Format, part);
        })];
    }

    private bool SameCodes(WeightMatrix a, WeightMatrix b) =>
        a.Codes == b.Codes && (a.Inputs == b.Inputs || ActivationPrecision != ActivationPrecision.Auto)
        && (a.InputOrder ?? []).AsSpan().SequenceEqual(b.InputOrder ?? []);

    private static LinearPart RoundedToFloat8(in LinearPart part) => new(
        part.N, part.K, DType.F32, 0, part.K, Matrix: new RoundedFloat8Matrix(part));

    private WeightQuantization RoundingOf(LinearSource source) =>
        source.Quantization != WeightQuantization.None ? source.Quantization
        : source.IsTable ? WeightQuantization.None
        : source.IsOutput ? OutputRounding(source)
        : Quantization;

    // At 4 bits the output matrix keeps 8; at fp8 it stays as it is, as elsewhere.
    private WeightQuantization OutputRounding(LinearSource source) => Quantization switch
    {
        WeightQuantization.None => source.PreferredRounding,
        WeightQuantization.Fp8 => WeightQuantization.None,
        _ => WeightQuantization.Int8,
    };

    // Half-precision weights multiplied in f32 stay in their own type: widening is exact and the bytes are half.
    private int FormatOf(LinearSource source)
    {
        bool All(DType type) => source.Parts.All(p => p.Blocks == WeightBlocks.None && p.Type == type);
        bool AllIn(WeightBlocks blocks) => source.Parts.All(p => p.Blocks == blocks);
        WeightQuantization rounding = RoundingOf(source);
        if (rounding == WeightQuantization.Int8) return CpuFormat.Q8;
        if (rounding == WeightQuantization.Int4) return CpuFormat.Q4;
        if (AllIn(WeightBlocks.Q8_0)) return CpuFormat.Q8;
        if (AllIn(WeightBlocks.Q4_0)) return CpuFormat.Q4;
        return source.ComputeType switch
        {
            DType.F32 when All(DType.BF16) => CpuFormat.BF16,
            DType.F32 when All(DType.F16) => CpuFormat.F16,
            DType.F32 => CpuFormat.F32,
            DType.F16 => MultipliesAsBFloat16(source) ? CpuFormat.BF16Dot : CpuFormat.F16,
            DType.BF16 => Isa >= CpuIsa.Avx512Bf16 ? CpuFormat.BF16Dot : CpuFormat.BF16,
            _ => throw new EngineException(
                EngineStatus.Unsupported, $"the CPU does not compute in {source.ComputeType}"),
        };
    }

    // f16 has no products of its own: those in f32 take twice the time of bf16's, and a sixth of a step of 32 rows of a
    // 4-bit model. The 3 bits lost weigh less than what its other inputs lose.
    private bool MultipliesAsBFloat16(LinearSource source) =>
        source.IsOutput && source.IsAmongRounded && Isa >= CpuIsa.Avx512Bf16
        && ActivationPrecision is ActivationPrecision.Auto or ActivationPrecision.Bits8;

    private static CpuKernels.WeightPart PartOf(LinearPart part) => new()
    {
        Data = part.Address,
        N = part.N,
        RowStride = part.RowStride,
        Type = part.Blocks != WeightBlocks.None ? (int)part.Blocks
            : part.Type is DType.F32 or DType.F16 or DType.BF16 ? (int)part.Type
            : throw new EngineException(EngineStatus.Unsupported, $"the CPU packs no {part.Type} weights"),
        Transposed = part.Transposed ? 1 : 0,
    };

    private void Pack(CpuWeightPlan plan, nint destination, Action<long>? onRead)
    {
        foreach ((CpuSegment segment, LinearSource source) in plan.Segments)
        {
            if (segment.OrderOffset >= 0)
            {
                source.Parts[0].Matrix!.InputOrder!.CopyTo(
                    new Span<int>((void*)(destination + (nint)segment.OrderOffset), source.K));
            }

            // Panels of 16 rows follow one another, so a run of them packs as a weight of its own.
            long panelBytes = CpuKernels.LinearBytes(16, source.K, segment.Format);
            foreach ((int first, LinearSource rows) in LinearWindows.Of(source))
            {
                Pack(rows, segment.Format, destination + (nint)(segment.Offset + (first / 16 * panelBytes)));
                onRead?.Invoke(LinearWindows.StoredBytes(rows));
            }
        }
    }

    private void Pack(LinearSource source, int format, nint destination)
    {
        if (format >= CpuFormat.Codes)
        {
            CpuCodes.Pack(source, format, destination, NumThreads);
        }
        else if (source.Parts.Any(p => p.Matrix is not null))
        {
            bool keepsCodes = RoundingOf(source) == WeightQuantization.None && format is (CpuFormat.Q4 or CpuFormat.Q8);
            if (keepsCodes) PackThroughBlocks(source, format, destination);
            else PackThroughFloats(source, format, destination);
        }
        else
        {
            CpuKernels.WeightPart[] parts = source.Parts.Select(PartOf).ToArray();
            PackParts(parts, source.N, source.K, format, destination);
        }
    }

    private void PackParts(CpuKernels.WeightPart[] parts, int n, int k, int format, nint destination)
    {
        var weight = new CpuKernels.Weight { Data = destination, N = n, K = k, Format = format };
        fixed (CpuKernels.WeightPart* first = parts)
        {
            Check(CpuKernels.LinearPack(_context, &weight, first, parts.Length), nameof(PackLinear));
        }
    }

    private void PackThroughFloats(LinearSource source, int format, nint destination) => PackStaged(
        source, format, destination, (long)source.K * sizeof(float), (int)DType.F32, source.K,
        (row, at) => LinearRows.Read(source, row, new Span<float>((void*)at, source.K)));

    // Codes in groups of 32 as the blocks that the kernels take as they are.
    private void PackThroughBlocks(LinearSource source, int format, nint destination)
    {
        WeightBlocks blocks = format == CpuFormat.Q4 ? WeightBlocks.Q4_0 : WeightBlocks.Q8_0;
        int rowBytes = CodeBlocks.RowBytes(blocks, source.K);
        PackStaged(
            source, format, destination, rowBytes, (int)blocks, rowBytes,
            (row, at) => CodeBlocks.Read(source, row, blocks, new Span<byte>((void*)at, rowBytes)));
    }

    private void PackStaged(
        LinearSource source, int format, nint destination, long rowBytes, int type, int stride,
        Action<int, nint> read)
    {
        int rows = (int)Math.Clamp(StagingBytes / rowBytes / 16 * 16, 16, 4096);
        long panelBytes = CpuKernels.LinearBytes(16, source.K, format);
        void* staging = NativeMemory.AlignedAlloc((nuint)(rowBytes * rows), 64);
        try
        {
            for (int first = 0; first < source.N; first += rows)
            {
                int count = Math.Min(rows, source.N - first), start = first;
                Parallel.For(
                    0, count, new ParallelOptions { MaxDegreeOfParallelism = NumThreads },
                    r => read(start + r, (nint)staging + (nint)(r * rowBytes)));
                var part = new CpuKernels.WeightPart
                {
                    Data = (nint)staging,
                    N = count,
                    RowStride = stride,
                    Type = type,
                };
                PackParts([part], count, source.K, format, destination + (nint)(first / 16 * panelBytes));
            }
        }
        finally
        {
            NativeMemory.AlignedFree(staging);
        }
    }
}
