using System.Diagnostics;
using System.Runtime.InteropServices;
using Engine.Server.Commands;

namespace Engine.Server.Tests.Support;

/// <summary>The engine command as a process of its own.</summary>
internal sealed class EngineProcess : IDisposable
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(2);

    private readonly Process _process;

    private EngineProcess(Process process) => _process = process;

    public static string DemoModelFolder { get; } = Path.Combine(TestData.Root, "demo-model", "model");

    public StreamReader Error => _process.StandardError;

    public int ExitCode => _process.ExitCode;

    public static EngineProcess Start(params string[] arguments)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "engine.dll");
        var start = new ProcessStartInfo("dotnet", [program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[DemoModel.Variable] = DemoModelFolder;
        return new EngineProcess(Process.Start(start)!);
    }

    /// <summary>Runs to the end.</summary>
    public static async Task<(int Code, string Output, string Error)> RunAsync(string input, params string[] arguments)
    {
        using EngineProcess engine = Start(arguments);
        Task<string> output = engine._process.StandardOutput.ReadToEndAsync();
        Task<string> error = engine._process.StandardError.ReadToEndAsync();
        await engine._process.StandardInput.WriteAsync(input);
        engine._process.StandardInput.Close();
        await engine.WaitAsync();
        return (engine.ExitCode, await output, await error);
    }

    public async Task WaitAsync()
    {
        using var limit = new CancellationTokenSource(_limit);
        await _process.WaitForExitAsync(limit.Token);
    }

    /// <summary>Reads standard error up to a line that holds a text.</summary>
    public async Task<string> LineWithAsync(string text)
    {
        using var limit = new CancellationTokenSource(_limit);
        while (await Error.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
            {
                return line;
            }
        }

        throw new InvalidOperationException($"the command ended without '{text}'");
    }

    public void Terminate() => Assert.That(Kill(_process.Id, 15), Is.Zero);

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int process, int signal);
}
