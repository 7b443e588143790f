using System.Diagnostics;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Clients;

/// <summary>OpenAI's own client for Node, unchanged: tests/clients/node/script.mjs against the server.</summary>
[TestFixture]
public sealed class NodeClientTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(5);

    [Test]
    public async Task TheNodeClientsScriptPasses()
    {
        string folder = Path.Combine(TestData.Root, "tests", "clients", "node");
        if (!Directory.Exists(Path.Combine(folder, "node_modules", "openai")))
        {
            (int code, string text) = await RunAsync(folder, "npm", "ci", "--no-audit", "--no-fund");
            Assert.That(code, Is.Zero, text);
        }

        await using TestServer server = await ClientServer.StartAsync();
        (int status, string output) = await RunAsync(
            folder, "node", "script.mjs", new Uri(server.Address, "/v1").ToString(), ClientServer.ApiKey, "m");
        TestContext.Out.Write(output);
        Assert.That(status, Is.Zero, output);
    }

    private static async Task<(int Status, string Output)> RunAsync(
        string folder, string command, params string[] arguments)
    {
        var start = new ProcessStartInfo(command, arguments)
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
        return (process.ExitCode, await output + await error);
    }
}
