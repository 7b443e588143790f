using System.CommandLine;
using Engine.Server.Commands;

namespace Engine.Server.Tests.Commands;

/// <summary>Flags of serve from a YAML file.</summary>
internal sealed class ConfigFileTests
{
    private string _path = "";

    [SetUp]
    public void SetUp() => _path = Path.GetTempFileName();

    [TearDown]
    public void TearDown() => File.Delete(_path);

    [TestCase("port: 8123", "--port=8123")]
    [TestCase("max_model_len: 2k # words", "--max-model-len=2k")]
    [TestCase("served-model-name:\n  - one\n  - two", "--served-model-name=one", "--served-model-name=two")]
    [TestCase("served-model-name: one", "--served-model-name=one")]
    [TestCase("disable-access-log: true\nno-webui: off", "--disable-uvicorn-access-log")]
    [TestCase("enable-prefix-caching: no", "--no-enable-prefix-caching")]
    [TestCase("allowed-origins: ['*', \"https://a\"]", "--allowed-origins=*", "--allowed-origins=https://a")]
    [TestCase(
        "hf-overrides: {rope_theta: 1.5e4, tie: true, name: 'true', none: ~, list: [1, x]}",
        "--hf-overrides={\"rope_theta\":1.5e4,\"tie\":true,\"name\":\"true\",\"none\":null,\"list\":[1,\"x\"]}")]
    [TestCase("model: other\nseed: 5", "--seed=5")]
    [TestCase("tensor-parallel-size: 1\nhost:", "--tensor-parallel-size=1")]
    [TestCase("")]
    public void BecomeArguments(string yaml, params string[] expected)
    {
        File.WriteAllText(_path, yaml);
        RootCommand root = CommandLineApp.CreateRoot();
        string[] found = ConfigFile.Expand(["serve", "fake:", "--config", _path], root);
        Assert.That(found, Is.EqualTo((string[])["serve", "fake:", .. expected]));
        Assert.That(root.Parse(found).Errors, Is.Empty);
    }

    [Test]
    public void OfTheCommandLineWin()
    {
        File.WriteAllText(_path, "port: 1\nseed: 2\nmodel: other");
        Assert.That(
            ConfigFile.Expand(["serve", "--config=" + _path, "--port", "3"], CommandLineApp.CreateRoot()),
            Is.EqualTo((string[])["serve", "--port", "3", "--seed=2", "--model=other"]));
    }

    [TestCase("ports: 1", "line 1: serve has no flag --ports")]
    [TestCase("port: 1\nno-webui: maybe", "line 2: no-webui must be true or false")]
    [TestCase("- port", "must be a mapping")]
    [TestCase("port: [1", "line ")]
    [TestCase("[a]: 1", "a word is needed")]
    public void AreRefusedByLine(string yaml, string message)
    {
        File.WriteAllText(_path, yaml);
        Assert.That(
            () => ConfigFile.Expand(["serve", "--config", _path], CommandLineApp.CreateRoot()),
            Throws.InstanceOf<EngineException>().With.Message.Contain(message).And.Message.Contain(_path));
    }

    [TestCase("--config", "/none/such.yaml")]
    [TestCase("--config")]
    [TestCase("--config=a", "--config=b")]
    public void NeedOneFile(params string[] flags) => Assert.That(
        () => ConfigFile.Expand(["serve", .. flags], CommandLineApp.CreateRoot()),
        Throws.InstanceOf<EngineException>().With.Message.StartsWith("config: "));
}
