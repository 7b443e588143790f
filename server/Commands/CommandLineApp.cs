using System.CommandLine;

namespace Engine.Server.Commands;

/// <summary>The engine command: its subcommands, and what becomes of their errors.</summary>
internal static class CommandLineApp
{
    private const int ExitError = 1;
    private const int ExitInterrupted = 130;

    public static RootCommand CreateRoot()
    {
        var root = new RootCommand(
            "Runs and serves large language models. `engine run \"Once upon a time\"` tries the demo model.");
        root.Subcommands.Add(new RunCommand());
        root.Subcommands.Add(new ChatCommand());
        root.Subcommands.Add(new ServeCommand());
        root.Subcommands.Add(new RunBatchCommand());
        root.Subcommands.Add(new TokenizeCommand());
        root.Subcommands.Add(new DetokenizeCommand());
        root.Subcommands.Add(new TemplateCommand());
        root.Subcommands.Add(new PlanCommand());
        root.Subcommands.Add(new ConvertCommand());
        root.Subcommands.Add(new BenchCommand());
        root.Subcommands.Add(new VersionCommand());
        return root;
    }

    /// <summary>Runs a command line; returns the exit code.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        // The commands take signals themselves: the server needs its 30 seconds.
        var invocation = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        try
        {
            RootCommand root = CreateRoot();
            string[] known = args is ["serve" or "run-batch", ..] ? VllmFlags.Normalize(args) : args;
            string[] all = known is ["serve", ..] ? ConfigFile.Expand(known, root) : known;
            return await root.Parse(all).InvokeAsync(invocation);
        }
        catch (EngineException e) when (e.Status == EngineStatus.Cancelled)
        {
            return ExitInterrupted;
        }
        catch (OperationCanceledException)
        {
            return ExitInterrupted;
        }
        catch (EngineException e)
        {
            Console.Error.WriteLine($"engine: {e.Message}");
            return ExitError;
        }
        catch (Http.ApiException e)
        {
            Console.Error.WriteLine($"engine: {e.Message}");
            return ExitError;
        }
        catch (IOException e)
        {
            Console.Error.WriteLine($"engine: {e.Message}");
            return ExitError;
        }
    }
}
