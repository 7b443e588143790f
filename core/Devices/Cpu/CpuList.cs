using System.Globalization;

namespace Engine.Devices.Cpu;

/// <summary>Lists of CPUs as Linux writes them: "0-3,8".</summary>
internal static class CpuList
{
    private const int CpuMax = 1023;

    /// <summary>The CPUs of a list, or of a NUMA node: "node:1".</summary>
    /// <exception cref="EngineException">InvalidArgument: neither; NotFound: no such node.</exception>
    public static int[] Parse(string text)
    {
        const string prefix = "node:";
        if (!text.StartsWith(prefix, StringComparison.Ordinal)) return ParseNumbers(text);
        if (!int.TryParse(text.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int node))
        {
            throw Bad(text);
        }

        string file = $"/sys/devices/system/node/node{node}/cpulist";
        return File.Exists(file)
            ? ParseNumbers(File.ReadAllText(file).Trim())
            : throw new EngineException(EngineStatus.NotFound, $"cpus: this machine has no NUMA node {node}", "cpus");
    }

    private static int[] ParseNumbers(string text)
    {
        var cpus = new List<int>();
        foreach (string part in text.Split(','))
        {
            string[] ends = part.Split('-');
            if (ends.Length > 2 || !IsCpu(ends[0], out int first) || !IsCpu(ends[^1], out int last) || last < first)
            {
                throw Bad(text);
            }

            for (int cpu = first; cpu <= last; cpu++)
            {
                if (cpus.Contains(cpu)) throw Bad(text);
                cpus.Add(cpu);
            }
        }

        return [.. cpus];
    }

    private static bool IsCpu(string text, out int cpu) =>
        int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out cpu) && cpu <= CpuMax;

    private static EngineException Bad(string text) => EngineException.Invalid(
        "cpus", $"expected different CPUs as in \"0-3,8\", or a NUMA node as in \"node:0\", found \"{text}\"");
}
