using Engine.Hosting;
using Engine.Models;

namespace Engine.Tests.Loading.Gguf;

/// <summary>What the keys of rope scaling mean, by llama.cpp's reading of them.</summary>
internal sealed class GgufRopeTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-gguf-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private ModelConfig Config(Func<GgufWriter, GgufWriter> more, string architecture)
    {
        string path = Path.Combine(_folder, "model.gguf");
        GgufWriter writer = more(TinyGguf.Metadata(architecture)).Tokens(TinyGguf.Vocab).AddTensors();
        File.WriteAllBytes(path, writer.ToBytes());
        using LoadedModel model = LoadedModel.Load(new ModelLoadOptions { Model = path, LoadFormat = "dummy" });
        return model.Config;
    }

    private (double[] Frequencies, double Scale) Rope(
        Func<GgufWriter, GgufWriter> more, string architecture = "llama")
    {
        ModelConfig config = Config(more, architecture);
        return RopeTable.Frequencies(config.Rope(), config, config.HeadDim, config.MaxModelLen);
    }

    private static double[] Divided(double[] values, double by) => [.. values.Select(v => v / by)];

    [Test]
    public void AFactorWithoutATypeIsLinear()
    {
        double[] plain = Rope(w => w).Frequencies;
        (double[] frequencies, double scale) = Rope(w => w.Real("llama.rope.scaling.factor", 4));
        Assert.That(frequencies, Is.EqualTo(Divided(plain, 4)).Within(1e-12));
        Assert.That(scale, Is.EqualTo(1));
    }

    [Test]
    public void TypeNoneScalesNothing()
    {
        double[] plain = Rope(w => w).Frequencies;
        double[] found = Rope(
            w => w.Text("llama.rope.scaling.type", "none").Real("llama.rope.scaling.factor", 4)).Frequencies;
        Assert.That(found, Is.EqualTo(plain));
    }

    [Test]
    public void AnAttentionFactorCountsWithoutYarnToo()
    {
        double[] plain = Rope(w => w).Frequencies;
        (double[] frequencies, double scale) = Rope(
            w => w.Real("llama.rope.scaling.factor", 4).Real("llama.rope.scaling.attn_factor", 1.5f));
        Assert.That(frequencies, Is.EqualTo(Divided(plain, 4)).Within(1e-12));
        Assert.That(scale, Is.EqualTo(1.5));
    }

    [Test]
    public void AnAttentionFactorMultipliesYarnsOwn()
    {
        static GgufWriter Yarn(GgufWriter w) => w.Text("llama.rope.scaling.type", "yarn").Real("llama.rope.scaling.factor", 4);
        double plain = Rope(Yarn).Scale;
        Assert.That(plain, Is.EqualTo((0.1 * Math.Log(4)) + 1).Within(1e-12));
        Assert.That(Rope(w => Yarn(w).Real("llama.rope.scaling.attn_factor", 0.5f)).Scale, Is.EqualTo(0.5 * plain).Within(1e-12));
    }

    [Test]
    public void YarnsAttentionFactorOfTheCheckpointStandsForTheDerivedOne() => Assert.That(
        Rope(w => w.Text("llama.rope.scaling.type", "yarn").Real("llama.rope.scaling.factor", 4)
            .Real("llama.rope.scaling.yarn_attn_factor", 1.25f)).Scale,
        Is.EqualTo(1.25));

    [Test]
    public void AFactorOfZeroIsNone() => Assert.That(
        Rope(w => w.Text("llama.rope.scaling.type", "yarn").Real("llama.rope.scaling.factor", 0)).Scale, Is.EqualTo(1));

    [Test]
    public void ReadyMadeFrequenciesAndALinearFactorMultiply()
    {
        double[] plain = Rope(w => w).Frequencies;
        double[] found = Rope(
            w => w.Real("llama.rope.scaling.factor", 2).Tensor("rope_freqs.weight", [4], [1, 2, 4, 8])).Frequencies;
        Assert.That(found, Is.EqualTo(plain.Select((f, i) => f / (2 << i))).Within(1e-12));
    }

    [Test]
    public void HunyuansAlphaWidensTheBase()
    {
        double plain = Rope(w => w, "hunyuan-dense").Frequencies[1];
        double found = Rope(w => w.Real("hunyuan-dense.rope.scaling.alpha", 1000), "hunyuan-dense").Frequencies[1];
        Assert.That(found, Is.EqualTo(plain * Math.Pow(1000, -8.0 / 6 / 4)).Within(1e-6 * plain));
    }

    [Test]
    public void GemmaTwoHasItsWindowWithoutAKeyToo() => Assert.That(
        Config(w => w, "gemma2").Json.Int("sliding_window", 0, 0), Is.EqualTo(4096));

    [Test]
    public void GraniteWithoutRotaryPositionsIsRefused()
    {
        EngineException e = Assert.Throws<EngineException>(
            () => Rope(w => w.Flag("granite.rope.scaling.finetuned", false), "granite"))!;
        Assert.That(e.Status, Is.EqualTo(EngineStatus.Unsupported));
        Assert.That(e.Message, Does.Contain("rope.scaling.finetuned"));
    }
}
