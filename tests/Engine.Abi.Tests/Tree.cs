using System.Diagnostics;

namespace Engine.Abi.Tests;

/// <summary>The repository, the installed tree, and commands run on them.</summary>
internal static class Tree
{
    public static string Root { get; } = FindRoot();

    /// <summary>The installed tree: consumers are built against it, never against the sources.</summary>
    public static string Prefix
    {
        get
        {
            string prefix = Environment.GetEnvironmentVariable("ENGINE_PREFIX") ?? Path.Combine(Root, "out");
            return File.Exists(Path.Combine(prefix, "lib/libengine.so.0"))
                ? Path.GetFullPath(prefix)
                : throw new AssertionException($"no installed tree at {prefix}: run ./build.sh first");
        }
    }

    public static string Library => Path.Combine(Prefix, "lib/libengine.so.0");

    public static string Scratch(string name)
    {
        string folder = Path.Combine(Path.GetTempPath(), $"engine-abi-{Environment.ProcessId}", name);
        Directory.CreateDirectory(folder);
        return folder;
    }

    /// <summary>Runs a shell command in a folder and returns what it printed; fails unless it exits with 0.</summary>
    public static string Run(string command, string? folder = null, int timeoutSeconds = 120) =>
        Run(command, 0, folder, timeoutSeconds);

    public static string Run(string command, int exitCode, string? folder, int timeoutSeconds)
    {
        var start = new ProcessStartInfo("/bin/bash")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? Root,
        };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(command);
        start.Environment["PREFIX"] = Prefix;
        start.Environment["ROOT"] = Root;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(timeoutSeconds * 1000))
        {
            process.Kill(entireProcessTree: true);
            throw new AssertionException($"{command}\ndid not end within {timeoutSeconds} s\n{output.Result}\n{errors.Result}");
        }

        Assert.That(
            process.ExitCode, Is.EqualTo(exitCode), $"{command}\n{output.Result}\n{errors.Result}");
        return output.Result;
    }

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Engine.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("not inside the repository");
    }
}
