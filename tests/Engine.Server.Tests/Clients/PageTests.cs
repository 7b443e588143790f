using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Clients;

/// <summary>The chat page in a headless browser: tests/clients/node/page.mjs.</summary>
[TestFixture]
public sealed class PageTests
{
    private static readonly string[] _browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];

    [Test]
    public async Task ThePageTalksToTheServer()
    {
        string browser = _browsers.FirstOrDefault(File.Exists)
            ?? throw new AssertionException("no Chromium: `./build.sh test` installs it");
        string pictures = Path.Combine(TestData.Root, "build", "test-results", "pictures");
        Directory.CreateDirectory(pictures);
        await using TestServer server = await ClientServer.StartAsync(apiKey: null);
        (int status, string output) = await NodeScript.RunAsync(
            "page.mjs", server.Address.ToString(), browser, pictures);
        TestContext.Out.Write(output);
        Assert.That(status, Is.Zero, output);
    }
}
