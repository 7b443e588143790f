using System.Diagnostics;

namespace Engine.Devices.Cpu;

/// <summary>What this machine reads and computes at most, measured: the yardstick of benchmarks.</summary>
/// <param name="ReadBytesPerS">Reading memory far larger than the caches, all threads.</param>
/// <param name="FmaFlopsPerS">Multiply-adds of floats, two operations each, all threads.</param>
/// <param name="DotFlopsPerS">Dot products of bf16 pairs; 0 where the instruction set has none.</param>
public readonly record struct CpuPeak(double ReadBytesPerS, double FmaFlopsPerS, double DotFlopsPerS)
{
    private const int ReadKind = 0;
    private const int FmaKind = 1;
    private const int DotKind = 2;
    private const long ReadBytes = 512L << 20;
    private const long Rounds = 1 << 18;
    private const int NumTries = 5;

    /// <summary>Measures, best of five tries of some tens of milliseconds each.</summary>
    /// <param name="numThreads">0 is every CPU that the process may use.</param>
    /// <exception cref="EngineException">OutOfMemory; InvalidArgument for the number of threads.</exception>
    public static CpuPeak Measure(int numThreads = 0)
    {
        using var device = new CpuDevice(new CpuDeviceOptions { NumThreads = numThreads });
        nint data = CpuKernels.Map(ReadBytes);
        if (data == 0)
        {
            throw new EngineException(EngineStatus.OutOfMemory, $"no {ReadBytes} bytes to measure with");
        }

        try
        {
            Touch(data);
            return new CpuPeak(
                Best(device, ReadKind, data, ReadBytes),
                Best(device, FmaKind, 0, Rounds),
                Best(device, DotKind, 0, Rounds));
        }
        finally
        {
            CpuKernels.Unmap(data, ReadBytes);
        }
    }

    // Untouched pages are all the same page of zeros, which the caches hold.
    private static unsafe void Touch(nint data)
    {
        const int pageBytes = 4096;
        for (long i = 0; i < ReadBytes; i += pageBytes)
        {
            *(byte*)(data + (nint)i) = 1;
        }
    }

    private static unsafe double Best(CpuDevice device, int kind, nint data, long amount)
    {
        double best = 0;
        for (int i = 0; i < NumTries; i++)
        {
            double done;
            long started = Stopwatch.GetTimestamp();
            int status = CpuKernels.Probe(device.Context, kind, data, amount, &done);
            double elapsedS = Stopwatch.GetElapsedTime(started).TotalSeconds;
            if (status != 0)
            {
                return 0;
            }

            best = Math.Max(best, done / elapsedS);
        }

        return best;
    }
}
