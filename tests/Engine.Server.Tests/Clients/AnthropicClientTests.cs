using Engine.Server.Http;
using Engine.Server.Http.Hosting;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Clients;

/// <summary>Anthropic's own client for Node, unchanged: tests/clients/node/anthropic.mjs against the server.</summary>
[TestFixture]
public sealed class AnthropicClientTests
{
    private const string Script =
        "<think>Hm.</think>Well. <tool_call>{\"name\": \"f\", \"arguments\": {\"x\": 1}}</tool_call>";

    [Test]
    public async Task TheClientsScriptPassesOnText()
    {
        await using TestServer server = await ClientServer.StartAsync();
        await RunAsync(server, "plain");
    }

    [Test]
    public async Task TheClientsScriptPassesOnThoughtsAndCalls()
    {
        var engine = new FakeEngine
        {
            Script = Script,
            Model = new Hosting.ModelInfo
            {
                Name = "m",
                VocabSize = FakeTokenizer.Size,
                MaxModelLen = 512,
                EosTokenIds = [0],
            },
        };
        await using TestServer server = await TestServer.StartAsync(
            engine,
            new ServerOptions { Port = 0, ApiKeys = [ClientServer.ApiKey] },
            ChatFormats.Create("hermes", "qwen3", null));
        await RunAsync(server, "calls");
    }

    private static async Task RunAsync(TestServer server, string mode)
    {
        (int status, string output) = await NodeScript.RunAsync(
            "anthropic.mjs", server.Address.ToString().TrimEnd('/'), ClientServer.ApiKey, "m", mode);
        TestContext.Out.Write(output);
        Assert.That(status, Is.Zero, output);
    }
}
