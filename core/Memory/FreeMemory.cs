using System.Globalization;

namespace Engine.Memory;

/// <summary>How much memory this process may still take.</summary>
internal static class FreeMemory
{
    /// <summary>The least of what the machine has available and what the control group leaves.</summary>
    public static long Bytes()
    {
        long free = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (ReadMeminfo() is long available) free = Math.Min(free, available);
        if (ReadNumber("/sys/fs/cgroup/memory.max") is long max)
        {
            free = Math.Min(free, Math.Max(0, max - (ReadNumber("/sys/fs/cgroup/memory.current") ?? 0)));
        }
        return free;
    }

    private static long? ReadMeminfo()
    {
        string? line = ReadLines("/proc/meminfo")
            .FirstOrDefault(l => l.StartsWith("MemAvailable:", StringComparison.Ordinal));
        string[]? words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words?.Length >= 2 && long.TryParse(words[1], CultureInfo.InvariantCulture, out long kib)
            ? kib * 1024
            : null;
    }

    private static long? ReadNumber(string path) =>
        long.TryParse(ReadLines(path).FirstOrDefault(), CultureInfo.InvariantCulture, out long v) ? v : null;

    private static string[] ReadLines(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // other sources then bound the answer
        }
    }
}
