using System.Globalization;
using System.Text.RegularExpressions;

namespace Engine.Tests.Kernels;

/// <summary>What ptxas says of one kernel.</summary>
internal sealed record AssembledKernel(string Name, int Registers, int StackBytes, int SpillBytes);

/// <summary>A module assembled for one target.</summary>
internal sealed record AssembledModule(
    string Module, string Target, int ExitCode, string Log, IReadOnlyList<AssembledKernel> Kernels);

/// <summary>NVIDIA's assembler, where there is one, over the PTX of the build.</summary>
internal static partial class Ptxas
{
    /// <summary>Where eng/install-deps.sh puts it with ENGINE_PTXAS=fetch.</summary>
    private static readonly string _fetched = Path.Combine(TestPaths.Root, "build", "ptxas", "ptxas");

    /// <summary>ENGINE_PTXAS, what was fetched, or the PATH's; null if there is none.</summary>
    public static string? Find()
    {
        string? named = Environment.GetEnvironmentVariable("ENGINE_PTXAS");
        if (!string.IsNullOrEmpty(named) && named != "fetch") return named;
        if (File.Exists(_fetched)) return _fetched;
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        return folders.Select(folder => Path.Combine(folder, "ptxas")).FirstOrDefault(File.Exists);
    }

    /// <summary>Every module for every GPU that would take it and that this ptxas knows.</summary>
    public static List<AssembledModule> AssembleAll(string ptxas, string folder)
    {
        string known = CudaKernelPrograms.Run(ptxas, ["--help"], out _);
        var jobs = from file in Directory.GetFiles(folder, "*.ptx")
                   let parts = Path.GetFileNameWithoutExtension(file).Split('.')
                   from target in TargetsOf(parts[1])
                   where target == parts[1] || !File.Exists(Path.Combine(folder, $"{parts[0]}.{target}.ptx"))
                   where known.Contains($"'{target}'", StringComparison.Ordinal)
                   orderby new FileInfo(file).Length descending
                   select (file, target);
        return jobs.AsParallel().WithExecutionMode(ParallelExecutionMode.ForceParallelism)
            .Select(job => Assemble(ptxas, job.file, job.target))
            .OrderBy(module => module.Module, StringComparer.Ordinal).ThenBy(module => module.Target).ToList();
    }

    private static string[] TargetsOf(string built) => built switch
    {
        "sm_80" => ["sm_80", "sm_90"],
        "sm_89" => ["sm_89", "sm_90"],
        "sm_90" => ["sm_90", "sm_100", "sm_120"],
        _ => [built],
    };

    private static AssembledModule Assemble(string ptxas, string file, string target)
    {
        string output = Path.GetTempFileName();
        try
        {
            string log = CudaKernelPrograms.Run(
                ptxas, ["-arch=" + target, "-O3", "-v", "-warn-spills", "-o", output, file], out int code);
            return new(Path.GetFileNameWithoutExtension(file), target, code, log, [.. Kernels(log)]);
        }
        finally
        {
            File.Delete(output);
        }
    }

    private static IEnumerable<AssembledKernel> Kernels(string log)
    {
        foreach (Match match in Properties().Matches(log))
        {
            int Number(string group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);
            yield return new(
                match.Groups["name"].Value, Number("registers"), Number("stack"), Number("stores") + Number("loads"));
        }
    }

    [GeneratedRegex(
        @"Function properties for (?<name>\w+)\s+(?<stack>\d+) bytes stack frame, (?<stores>\d+) bytes spill stores, "
        + @"(?<loads>\d+) bytes spill loads\s+ptxas info\s+: Used (?<registers>\d+) registers")]
    private static partial Regex Properties();
}
