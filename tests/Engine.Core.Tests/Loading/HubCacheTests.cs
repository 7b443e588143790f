using System.Text;
using Engine.Hosting;
using Engine.Loading;

namespace Engine.Tests.Loading;

[TestFixture]
public sealed class HubCacheTests
{
    private static readonly byte[] Weights = MakeWeights();
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-hub-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void DownloadsIntoTheLayoutOfTheHubsOwnCache()
    {
        using var server = new HubTestServer(Files());
        string snapshot = Resolve(server);

        string model = Path.Combine(_folder, "models--org--tiny");
        Assert.That(snapshot, Is.EqualTo(Path.Combine(model, "snapshots", HubTestServer.Commit)));
        Assert.That(File.ReadAllText(Path.Combine(model, "refs/main")), Is.EqualTo(HubTestServer.Commit));
        Assert.That(File.ReadAllBytes(Path.Combine(snapshot, "model.safetensors")), Is.EqualTo(Weights));
        string? link = new FileInfo(Path.Combine(snapshot, "model.safetensors")).LinkTarget;
        Assert.That(link, Is.EqualTo("../../blobs/" + HubTestServer.HashOf(Weights, true)));
    }

    [Test]
    public void LeavesPicklesCodeAndSecondCopiesOut()
    {
        Dictionary<string, byte[]> files = Files();
        files["pytorch_model.bin"] = [1];
        files["modeling_tiny.py"] = [2];
        files["consolidated.safetensors"] = [3];
        using var server = new HubTestServer(files);

        string[] found = [.. Directory.GetFiles(Resolve(server)).Select(path => Path.GetFileName(path)).Order()];
        Assert.That(found, Is.EqualTo(new[] { "config.json", "model.safetensors", "tokenizer.json" }));
    }

    [Test]
    public void ASecondResolveFetchesNoFile()
    {
        using var server = new HubTestServer(Files());
        Resolve(server);
        int bodies = server.Bodies;
        Resolve(server);
        Assert.That(server.Bodies, Is.EqualTo(bodies));
    }

    [Test]
    public void ABrokenConnectionGoesOnWhereItEnded()
    {
        using var server = new HubTestServer(Files()) { BreakAfterBytes = 30_000, NumBreaks = 2 };
        string snapshot = Resolve(server);

        Assert.That(File.ReadAllBytes(Path.Combine(snapshot, "model.safetensors")), Is.EqualTo(Weights));
        Assert.That(server.Log, Has.Some.Contains("bytes=30000-"));
        Assert.That(server.Log, Has.Some.Contains("bytes=60000-"));
    }

    [Test]
    public void AnInterruptedDownloadIsContinuedByTheNextOne()
    {
        using var server = new HubTestServer(Files()) { BreakAfterBytes = 30_000, NumBreaks = 1 };
        EngineException error = Assert.Throws<EngineException>(() => Resolve(server, maxTries: 1))!;
        Assert.That(error.Status, Is.EqualTo(EngineStatus.Io));

        Resolve(server, maxTries: 1);
        Assert.That(server.Log, Has.Some.Contains("bytes=30000-"));
    }

    [Test]
    public void ABodyWithTheWrongHashIsRefusedAndNotKept()
    {
        using var server = new HubTestServer(Files()) { CorruptsBodies = true };
        EngineException error = Assert.Throws<EngineException>(() => Resolve(server))!;
        Assert.That(error.Status, Is.EqualTo(EngineStatus.CorruptData));
        Assert.That(error.Message, Does.Contain("hash"));
        Assert.That(Directory.GetFiles(Path.Combine(_folder, "models--org--tiny", "blobs")), Is.Empty);
    }

    [Test]
    public void TheTokenIsSentToTheEndpointButNotToTheStore()
    {
        using var store = new HubTestServer(Files());
        using var server = new HubTestServer(Files()) { RequiredToken = "secret", Store = store.Address };
        Resolve(server, token: "secret");

        Assert.That(server.Log, Has.All.Contains("Bearer secret"));
        Assert.That(store.Log, Is.Not.Empty.And.None.Contains("secret"));
    }

    [Test]
    public void AMissingTokenSaysWhatToSet()
    {
        using var server = new HubTestServer(Files()) { RequiredToken = "secret" };
        EngineException error = Assert.Throws<EngineException>(() => Resolve(server))!;
        Assert.That(error.Status, Is.EqualTo(EngineStatus.NotFound));
        Assert.That(error.Message, Does.Contain("HF_TOKEN"));
    }

    [Test]
    public void OfflineUsesTheCacheAndAsksNobody()
    {
        using var server = new HubTestServer(Files());
        string online = Resolve(server);
        int requests = server.Log.Count;
        Assert.That(Resolve(server, offline: true), Is.EqualTo(online));
        Assert.That(server.Log, Has.Count.EqualTo(requests));
    }

    [Test]
    public void OfflineWithoutACopyNamesTheCache()
    {
        using var server = new HubTestServer(Files());
        EngineException error = Assert.Throws<EngineException>(() => Resolve(server, offline: true))!;
        Assert.That(error.Message, Does.Contain(_folder).And.Contains("HF_HUB_OFFLINE"));
    }

    [Test]
    public void AnUnreachableHubFallsBackToTheCache()
    {
        string online;
        Uri address;
        using (var server = new HubTestServer(Files()))
        {
            online = Resolve(server);
            address = server.Address;
        }

        var cache = new HubCache(Settings(address, maxTries: 1));
        Assert.That(cache.Resolve("org/tiny"), Is.EqualTo(online));
    }

    [TestCase("../../etc")]
    [TestCase("/absolute")]
    [TestCase("org/name/extra")]
    [TestCase("org/..")]
    [TestCase("")]
    public void NamesThatWouldLeaveTheCacheAreRefused(string name)
    {
        using var server = new HubTestServer(Files());
        var cache = new HubCache(Settings(server.Address));
        EngineException error = Assert.Throws<EngineException>(() => cache.Resolve(name))!;
        Assert.That(error.Parameter, Is.EqualTo("model"));
        Assert.That(server.Log, Is.Empty);
    }

    [Test]
    public void RevisionsThatWouldLeaveTheCacheAreRefused()
    {
        using var server = new HubTestServer(Files());
        var cache = new HubCache(Settings(server.Address));
        Assert.That(
            () => cache.Resolve("org/tiny", "../../x"),
            Throws.TypeOf<EngineException>().With.Property("Parameter").EqualTo("revision"));
    }

    [Test]
    public void ProgressEndsAtTheTotal()
    {
        using var server = new HubTestServer(Files());
        var seen = new List<LoadProgress>();
        new HubCache(Settings(server.Address)).Resolve("org/tiny", progress: new Recorder(seen));

        long total = Files().Values.Sum(content => (long)content.Length);
        Assert.That(seen[^1], Is.EqualTo(new LoadProgress("download", total, total)));
        Assert.That(seen.Select(item => item.DoneBytes), Is.Ordered);
    }

    [Test]
    public void TheEnvironmentIsReadAsTheHubsOwnLibraryReadsIt()
    {
        var variables = new Dictionary<string, string>
        {
            ["HOME"] = "/home/u",
            ["HF_ENDPOINT"] = "http://127.0.0.1:9/mirror",
            ["HF_TOKEN"] = "t",
            ["HF_HUB_OFFLINE"] = "1",
        };
        HubSettings settings = HubSettings.FromEnvironment(null, name => variables.GetValueOrDefault(name));
        Assert.That(settings.CacheFolder, Is.EqualTo("/home/u/.cache/huggingface/hub"));
        Assert.That(settings.Endpoint.AbsolutePath, Is.EqualTo("/mirror"));
        Assert.That(settings.Token, Is.EqualTo("t"));
        Assert.That(settings.Offline, Is.True);

        variables["HF_HOME"] = "/data/hf";
        Assert.That(
            HubSettings.FromEnvironment(null, name => variables.GetValueOrDefault(name)).CacheFolder,
            Is.EqualTo("/data/hf/hub"));
    }

    private static byte[] MakeWeights()
    {
        byte[] bytes = new byte[100_000];
        new Random(5).NextBytes(bytes);
        return bytes;
    }

    private static Dictionary<string, byte[]> Files() => new()
    {
        ["config.json"] = Encoding.UTF8.GetBytes("{\"architectures\":[\"LlamaForCausalLM\"]}"),
        ["tokenizer.json"] = Encoding.UTF8.GetBytes("{}"),
        ["model.safetensors"] = Weights,
    };

    private string Resolve(
        HubTestServer server, int maxTries = 5, string? token = null, bool offline = false) =>
        new HubCache(Settings(server.Address, maxTries, token, offline)).Resolve("org/tiny");

    private HubSettings Settings(Uri address, int maxTries = 5, string? token = null, bool offline = false) => new()
    {
        CacheFolder = _folder,
        Endpoint = address,
        Token = token,
        Offline = offline,
        MaxTries = maxTries,
        RetryDelay = TimeSpan.FromMilliseconds(1),
        Timeout = TimeSpan.FromSeconds(10),
    };

    private sealed class Recorder(List<LoadProgress> seen) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => seen.Add(value);
    }
}
