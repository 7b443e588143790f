using System.Text.RegularExpressions;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Clients;

/// <summary>The examples of docs/clients.md and the curl commands of docs/server.md, as they stand there.</summary>
[TestFixture]
public sealed partial class DocsExampleTests
{
    private const StringComparison Ordinal = StringComparison.Ordinal;
    private const string Address = "http://127.0.0.1:8000";

    private EngineProcess _engine = null!;
    private string _address = "";

    public static IEnumerable<TestCaseData> Examples() =>
        Fenced("clients.md").Concat(Curls("server.md")).Concat(Curls("structured-outputs.md"));

    [OneTimeSetUp]
    public async Task Start()
    {
        _engine = EngineProcess.Start(
            "serve", "--served-model-name", "demo", "NAME", "--port", "0", "--max-num-seqs", "8", "--disable-access-log",
            "--enable-response-store");
        string line = await _engine.LineWithAsync(" on http://");
        _address = Found().Match(line).Value.TrimEnd('/');
    }

    [OneTimeTearDown]
    public void Stop() => _engine.Dispose();

    [TestCaseSource(nameof(Examples))]
    public async Task AnExampleRuns(string language, string source)
    {
        string text = source.Replace(Address, _address, Ordinal);
        (int code, string output, string error) = language switch
        {
            "sh" => await ExternalProgram.RunAsync("bash", ["-c", text.Replace("curl ", "curl --fail-with-body ", Ordinal)]),
            "python" => await ExternalProgram.RunAsync("python3", ["-c", text]),
            "js" => await RunNodeAsync(text),
            "csharp" => await RunCSharpAsync(text),
            _ => throw new InvalidOperationException($"no way to run {language}"),
        };
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.Zero, output + error);
            Assert.That(output.Trim(), Is.Not.Empty, error);
        }
    }

    private static IEnumerable<TestCaseData> Fenced(string page) => Fence().Matches(Read(page)).Select((match, i) =>
        Case(page, i, match.Groups["language"].Value, match.Groups["source"].Value));

    // Embeddings are another model's.
    private static IEnumerable<TestCaseData> Curls(string page) => Curl().Matches(Read(page))
        .Select(match => match.Value).Where(text => !text.Contains("/v1/embeddings", Ordinal))
        .Select((text, i) => Case(page, i, "sh", text));

    private static TestCaseData Case(string page, int index, string language, string source) =>
        new TestCaseData(language, source).SetName($"{page} {index + 1} {language}");

    private static string Read(string page) => File.ReadAllText(Path.Combine(TestData.Root, "docs", page));

    private static async Task<(int Code, string Output, string Error)> RunNodeAsync(string source)
    {
        await NodeScript.InstallAsync();

        // Beside the packages: that is where imports look for them.
        string path = Path.Combine(NodeScript.Folder, $".docs-{Guid.NewGuid():N}.mjs");
        await File.WriteAllTextAsync(path, source);
        try
        {
            return await ExternalProgram.RunAsync("node", [path]);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task<(int Code, string Output, string Error)> RunCSharpAsync(string source)
    {
        string folder = Directory.CreateTempSubdirectory("docs-").FullName;
        try
        {
            string path = Path.Combine(folder, "story.cs");
            await File.WriteAllTextAsync(path, source);
            return await ExternalProgram.RunAsync("dotnet", ["run", path]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [GeneratedRegex(@"http://[\d.:]+/")]
    private static partial Regex Found();

    [GeneratedRegex(@"^```(?<language>[a-z]+)\n(?<source>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    // An indented command goes on to the next line that is empty.
    [GeneratedRegex(@"^    curl http.*?(?=\n\n)", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Curl();
}
