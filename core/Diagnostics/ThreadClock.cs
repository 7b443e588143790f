using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Engine.Diagnostics;

/// <summary>Time that this thread computed, which other work on the machine does not lengthen.</summary>
internal static partial class ThreadClock
{
    private const int ThreadCpuTime = 3;

    /// <summary>Microseconds of it; of the clock on the wall where the system does not tell.</summary>
    public static double Microseconds() =>
        OperatingSystem.IsLinux() && GetTime(ThreadCpuTime, out Timespec time) == 0
            ? (time.Seconds * 1e6) + (time.Nanoseconds / 1e3)
            : Stopwatch.GetTimestamp() * 1e6 / Stopwatch.Frequency;

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out Timespec time);

    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
