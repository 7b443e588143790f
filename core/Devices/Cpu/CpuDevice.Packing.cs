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
        bool isRounded = RoundingOf(source) != WeightQuantization.None;
        foreach (LinearPart part in source.Parts)
        {
            WeightCodes? codes = isRounded ? null : part.Matrix?.Codes;
            int format = codes is null ? 0 : CpuFormat.OfCodes(codes, part.K);
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
            LinearSource part = new()
            {
                Parts = run.Parts,
                ComputeType = source.ComputeType,
                Quantization = source.Quantization,
                IsOutput = source.IsOutput,
            };
            return (run.Format == 0 ? FormatOf(part) : run.Format, part);
        })];
    }

    private bool SameCodes(WeightMatrix a, WeightMatrix b) =>
        a.Codes == b.Codes && (a.Inputs == b.Inputs || ActivationPrecision != ActivationPrecision.Auto)
        && (a.InputOrder ?? []).AsSpan().SequenceEqual(b.InputOrder ?? []);

    private WeightQuantization RoundingOf(LinearSource source) =>
        source.Quantization != WeightQuantization.None ? source.Quantization
        : source.IsOutput && Quantization == WeightQuantization.Int4 ? WeightQuantization.Int8
        : Quantization;

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
            DType.F16 => CpuFormat.F16,
            DType.BF16 => Isa >= CpuIsa.Avx512Bf16 ? CpuFormat.BF16Dot : CpuFormat.BF16,
            _ => throw new EngineException(
                EngineStatus.Unsupported, $"the CPU does not compute in {source.ComputeType}"),
        };
    }

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
            PackThroughFloats(source, format, destination);
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

    private void PackThroughFloats(LinearSource source, int format, nint destination)
    {
        long rowBytes = (long)source.K * sizeof(float);
        int rows = (int)Math.Clamp(StagingBytes / rowBytes / 16 * 16, 16, 4096);
        long panelBytes = CpuKernels.LinearBytes(16, source.K, format);
        float* staging = (float*)NativeMemory.AlignedAlloc((nuint)(rowBytes * rows), 64);
        try
        {
            for (int first = 0; first < source.N; first += rows)
            {
                int count = Math.Min(rows, source.N - first), start = first;
                Parallel.For(
                    0, count, new ParallelOptions { MaxDegreeOfParallelism = NumThreads },
                    r => LinearRows.Read(
                        source, start + r, new Span<float>(staging + ((long)r * source.K), source.K)));
                var part = new CpuKernels.WeightPart
                {
                    Data = (nint)staging,
                    N = count,
                    RowStride = source.K,
                    Type = (int)DType.F32,
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
