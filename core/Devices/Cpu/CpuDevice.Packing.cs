using System.Runtime.InteropServices;
using Engine.Memory;

namespace Engine.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    // Rows that pass through f32 on their way from a checkpoint's own form; small enough to stay in a cache.
    private const long StagingBytes = 2 << 20;

    private void Pack(LinearSource source, int format, nint destination)
    {
        if (source.Parts.Any(p => p.Matrix is not null))
        {
            PackThroughFloats(source, format, destination);
            return;
        }

        CpuKernels.WeightPart[] parts = source.Parts.Select(PartOf).ToArray();
        PackParts(parts, source.N, source.K, format, destination);
    }

    private void PackParts(CpuKernels.WeightPart[] parts, int n, int k, int format, nint destination)
    {
        var weight = new CpuKernels.Weight { Data = destination, N = n, K = k, Format = format };
        fixed (CpuKernels.WeightPart* first = parts)
        {
            Check(CpuKernels.LinearPack(_context, &weight, first, parts.Length), nameof(PackLinear));
        }
    }

    // Panels of 16 rows follow one another, so a run of them packs as a weight of its own.
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
