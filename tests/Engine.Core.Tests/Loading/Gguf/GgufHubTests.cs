using System.Text;
using Engine.Loading;
using Engine.Loading.Gguf;

namespace Engine.Tests.Loading.Gguf;

internal sealed class GgufHubTests
{
    private static readonly string[] Names =
    [
        "README.md", "mmproj-tiny-F16.gguf", "tiny-Q4_K_M.gguf", "tiny-Q4_K_S.gguf", "tiny-UD-Q4_K_M.gguf", "tiny-Q8_0.gguf",
        "BF16/tiny-BF16-00001-of-00002.gguf", "BF16/tiny-BF16-00002-of-00002.gguf",
    ];

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-hub-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string Resolve(HubTestServer? server, string name) => new HubCache(new HubSettings
    {
        CacheFolder = _folder,
        Endpoint = server?.Address ?? new Uri("http://127.0.0.1:9"),
        Offline = server is null,
    }).Resolve(name);

    private static string[] FilesOf(string snapshot) =>
    [
        .. Directory.GetFiles(snapshot, "*", SearchOption.AllDirectories)
            .Select(p => Path.GetRelativePath(snapshot, p)).Order(StringComparer.Ordinal),
    ];

    private static HubTestServer Server(IEnumerable<string> names) =>
        new(names.ToDictionary(n => n, n => Encoding.UTF8.GetBytes("content of " + n)));

    [TestCase("Q4_K_M", "tiny-Q4_K_M.gguf")]
    [TestCase("q8_0", "tiny-Q8_0.gguf")]
    [TestCase("UD-Q4_K_M", "tiny-UD-Q4_K_M.gguf")]
    [TestCase("Q4_K", "")]
    [TestCase("BF16", "BF16/tiny-BF16-00001-of-00002.gguf BF16/tiny-BF16-00002-of-00002.gguf")]
    [TestCase(null, "tiny-Q4_K_M.gguf")]
    public void ATagChoosesAFileOrAllItsShards(string? tag, string expected) =>
        Assert.That(string.Join(' ', GgufChoice.Files(Names, tag)), Is.EqualTo(expected));

    [TestCase("org/name:Q4_K_M", "org/name", "Q4_K_M")]
    [TestCase("org/name", "org/name", null)]
    [TestCase("C:\\models\\x", "C:\\models\\x", null)]
    public void ANameMayEndInATag(string name, string expected, string? tag) =>
        Assert.That(GgufChoice.Split(name), Is.EqualTo((expected, tag)));

    [Test]
    public void OnlyTheFileOfTheTagIsDownloaded()
    {
        using HubTestServer server = Server([.. Names, "config.json", "model.safetensors"]);
        Assert.That(FilesOf(Resolve(server, "org/tiny:Q8_0")), Is.EqualTo(new[] { "tiny-Q8_0.gguf" }));
    }

    [Test]
    public void ARepositoryOfGgufModelsGivesTheUsualOneWithoutATag()
    {
        using HubTestServer server = Server(Names);
        Assert.That(FilesOf(Resolve(server, "org/tiny")), Is.EqualTo(new[] { "tiny-Q4_K_M.gguf" }));
    }

    [Test]
    public void ACheckpointIsTakenBeforeGgufModelsWithoutATag()
    {
        using HubTestServer server = Server([.. Names, "config.json", "model.safetensors"]);
        Assert.That(
            FilesOf(Resolve(server, "org/tiny")), Is.EqualTo(new[] { "config.json", "model.safetensors" }));
    }

    [Test]
    public void ATagThatFitsNothingListsWhatThereIs()
    {
        using HubTestServer server = Server(Names);
        EngineException e = Assert.Throws<EngineException>(() => Resolve(server, "org/tiny:Q2_K"))!;
        Assert.That(e.Status, Is.EqualTo(EngineStatus.NotFound));
        Assert.That(e.Message, Does.Contain("Q2_K").And.Contain("tiny-Q8_0.gguf"));
    }

    [Test]
    public void OfflineTheTagMustBeInTheCache()
    {
        using (HubTestServer server = Server(Names)) Resolve(server, "org/tiny:Q8_0");
        Assert.That(FilesOf(Resolve(null, "org/tiny:Q8_0")), Is.EqualTo(new[] { "tiny-Q8_0.gguf" }));
        Assert.That(
            Assert.Throws<EngineException>(() => Resolve(null, "org/tiny:Q4_K_M"))!.Status,
            Is.EqualTo(EngineStatus.NotFound));
    }

    [Test]
    public void ATagAlsoChoosesWithinALocalFolder()
    {
        foreach (string name in Names.Where(n => !n.Contains('/', StringComparison.Ordinal)))
            File.WriteAllBytes(Path.Combine(_folder, name), TinyGguf.Model());
        using GgufModel? model = ModelResolver.Resolve(
            new Engine.Hosting.ModelLoadOptions { Model = _folder + ":Q8_0" }, CancellationToken.None).Gguf;
        Assert.That(model!.Name, Is.EqualTo("tiny-Q8_0.gguf"));
    }
}
