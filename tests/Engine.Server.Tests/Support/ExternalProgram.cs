using System.Diagnostics;

namespace Engine.Server.Tests.Support;

/// <summary>Another program, run to its end.</summary>
internal static class ExternalProgram
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(5);

    /// <param name="program">Name or path.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="folder">Where it runs; empty is here.</param>
    public static async Task<(int Code, string Output, string Error)> RunAsync(
        string program, string[] arguments, string folder = "")
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(_limit);
        Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token);
        Task<string> error = process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output, await error);
    }
}
