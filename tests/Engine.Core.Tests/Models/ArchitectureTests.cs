using Engine.Execution;
using Engine.Hosting;
using Engine.Models;
using Engine.Sampling;
using Engine.Scheduling;
using Engine.Tests.Execution;
using Engine.Tests.Golden;

namespace Engine.Tests.Models;

[TestFixture]
internal sealed class ArchitectureTests
{
    private const int MaxLines = 100;

    private static readonly EngineOptions _options = new()
    {
        MaxNumSeqs = 4,
        MaxNumBatchedTokens = 64,
        NumBlocks = 32,
    };

    private static IEnumerable<string> Folders() =>
        Directory.GetDirectories(GoldenFolder.Committed).Select(p => Path.GetFileName(p)!).Order();

    [Test]
    public void Every_architecture_is_one_file_of_less_than_a_hundred_lines()
    {
        string folder = Path.Combine(TestPaths.Root, "core", "Models", "Architectures");
        string[] files = Directory.GetFiles(folder, "*.cs");
        Assert.That(files, Is.Not.Empty);
        Assert.That(files.Where(f => File.ReadLines(f).Count() >= MaxLines), Is.Empty);
    }

    [TestCaseSource(nameof(Folders))]
    public void Dummy_weights_run_from_the_configuration_alone(string folder)
    {
        string copy = Directory.CreateTempSubdirectory("engine-test-").FullName;
        try
        {
            File.Copy(
                Path.Combine(GoldenFolder.Committed, folder, "config.json"), Path.Combine(copy, "config.json"));
            int[] first = Generate(copy), second = Generate(copy);
            Assert.That(first, Has.Length.EqualTo(4));
            Assert.That(second, Is.EqualTo(first), "the same seed gives the same weights");
        }
        finally
        {
            Directory.Delete(copy, recursive: true);
        }
    }

    [Test]
    public void Two_engines_on_one_model_give_what_each_gives_alone()
    {
        string folder = Path.Combine(GoldenFolder.Committed, "llama-plain");
        using LoadedModel model = LoadedModel.Load(new ModelLoadOptions { Model = folder });
        List<GoldenCase> cases = GoldenFolder.Read(folder, "golden");
        Parallel.For(0, 2, _ =>
        {
            using IModelRunner runner = model.CreateRunner(_options);
            foreach (GoldenCase c in cases)
            {
                RunnerDriver driver = new(runner, maxNumSeqs: 4);
                SamplingParams greedy = new() { Temperature = 0, MaxTokens = c.Greedy.Length };
                Assert.That(driver.Finish(driver.Create(c.Prompt, greedy), 50), Is.EqualTo(c.Greedy), c.Name);
            }
        });
    }

    [TestCase("llama-plain", "config.v5.json")]
    [TestCase("llama-rope-llama3", "config.v5.json")]
    [TestCase("llama-rope-yarn", "config.v5.json")]
    [TestCase("gemma3", "config.v5.json")]
    public void Both_styles_of_configuration_mean_the_same_rotary_positions(string folder, string newer)
    {
        string path = Path.Combine(GoldenFolder.Committed, folder);
        ModelConfig a = ModelConfig.Parse(File.ReadAllBytes(Path.Combine(path, "config.json")));
        ModelConfig b = ModelConfig.Parse(File.ReadAllBytes(Path.Combine(path, newer)));
        (double[] Frequencies, double Scale) found = RopeTable.Frequencies(b.Rope(), b, b.HeadDim, 512);
        (double[] Frequencies, double Scale) expected = RopeTable.Frequencies(a.Rope(), a, a.HeadDim, 512);
        Assert.That(found.Frequencies, Is.EqualTo(expected.Frequencies));
        Assert.That(found.Scale, Is.EqualTo(expected.Scale));
        Assert.That(b.MaxModelLen, Is.EqualTo(a.MaxModelLen));
    }

    [Test]
    public void Linear_scaling_divides_every_frequency()
    {
        (double[] Frequencies, double Scale) plain = Frequencies("");
        (double[] Frequencies, double Scale) scaled = Frequencies(
            "\"rope_scaling\":{\"type\":\"linear\",\"factor\":4.0},");
        Assert.That(
            scaled.Frequencies, Is.EqualTo(plain.Frequencies.Select(f => f / 4)).Within(1e-15));
    }

    [Test]
    public void A_stretched_model_is_as_long_as_its_scaling_makes_it()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Config("").MaxModelLen, Is.EqualTo(512));
            Assert.That(
                Config("\"rope_scaling\":{\"type\":\"linear\",\"factor\":4.0},").MaxModelLen, Is.EqualTo(2048));
            Assert.That(
                Config("\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4.0," +
                    "\"original_max_position_embeddings\":256},").MaxModelLen,
                Is.EqualTo(1024));
            Assert.That(
                Config("\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8.0," +
                    "\"original_max_position_embeddings\":64},").MaxModelLen,
                Is.EqualTo(512));
        });
    }

    private static (double[] Frequencies, double Scale) Frequencies(string more)
    {
        ModelConfig config = Config(more);
        return RopeTable.Frequencies(config.Rope(), config, config.HeadDim, config.MaxModelLen);
    }

    private static ModelConfig Config(string more) => ModelConfig.Parse(System.Text.Encoding.UTF8.GetBytes($$"""
        {
          {{more}} "architectures": ["LlamaForCausalLM"], "vocab_size": 8, "hidden_size": 64,
          "num_hidden_layers": 1, "num_attention_heads": 4, "max_position_embeddings": 512
        }
        """));

    private static int[] Generate(string folder)
    {
        using LoadedModel model = LoadedModel.Load(
            new ModelLoadOptions { Model = folder, LoadFormat = "dummy", Seed = 5 });
        using IModelRunner runner = model.CreateRunner(_options);
        RunnerDriver driver = new(runner, maxNumSeqs: 4);
        return driver.Finish(driver.Create([5, 6, 7], new SamplingParams { Temperature = 0, MaxTokens = 4 }));
    }
}
