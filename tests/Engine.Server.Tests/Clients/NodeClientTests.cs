using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Clients;

/// <summary>OpenAI's own client for Node, unchanged: tests/clients/node/script.mjs against the server.</summary>
[TestFixture]
public sealed class NodeClientTests
{
    [Test]
    public async Task TheNodeClientsScriptPasses()
    {
        await using TestServer server = await ClientServer.StartAsync();
        (int status, string output) = await NodeScript.RunAsync(
            "script.mjs", new Uri(server.Address, "/v1").ToString(), ClientServer.ApiKey, "m");
        TestContext.Out.Write(output);
        Assert.That(status, Is.Zero, output);
    }
}
