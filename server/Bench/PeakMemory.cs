using System.Diagnostics;

namespace Engine.Server.Bench;

/// <summary>The most memory that a process had resident.</summary>
internal static class PeakMemory
{
    private const int PollMs = 20;

    /// <summary>Of this process since its start or the last Reset, in bytes.</summary>
    public static long OfThisProcess()
    {
        using Process process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }

    /// <summary>Starts anew from what is resident now. Where the system cannot, the old peak stays.</summary>
    public static void Reset()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The figure then includes what came before: too high, never too low.
        }
    }

    /// <summary>Watches another process until it ends.</summary>
    public static async Task<long> WatchAsync(Process process, CancellationToken cancellation)
    {
        long peak = 0;
        while (!process.HasExited)
        {
            try
            {
                process.Refresh();
                peak = Math.Max(peak, process.PeakWorkingSet64);
            }
            catch (InvalidOperationException)
            {
                break; // it ended between the two lines
            }

            await Task.Delay(PollMs, cancellation);
        }

        return peak;
    }
}
