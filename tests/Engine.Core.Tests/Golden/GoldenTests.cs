using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Reference;
using Engine.Memory;

namespace Engine.Tests.Golden;

/// <summary>Tiny models of every family against logits and greedy tokens of transformers.</summary>
[TestFixture]
internal sealed class GoldenTests
{
    private const string DoubledBias = "falcon-alibi";

    [TestCaseSource(nameof(CommittedFolders))]
    public void Committed_folder_matches_on_the_reference(string folder, string config, string golden)
    {
        using ReferenceDevice device = new();
        GoldenChecks.Check(Path.Combine(GoldenFolder.Committed, folder), config, golden, device);
    }

    [TestCaseSource(nameof(CommittedFolders))]
    public void Committed_folder_matches_on_the_cpu(string folder, string config, string golden)
    {
        using CpuDevice device = new();
        GoldenChecks.Check(Path.Combine(GoldenFolder.Committed, folder), config, golden, device);
    }

    // The reference ran eager attention, which in transformers adds Falcon's ALiBi bias twice (with the mask
    // and with the score). Trained models want it once, as transformers' default attention, vLLM and the
    // original code have it; so the golden is met with the slopes doubled.
    [Test]
    public void Falcon_with_alibi_matches_the_golden_of_the_doubled_bias()
    {
        string folder = Path.Combine(GoldenFolder.Committed, DoubledBias);
        using ReferenceDevice device = new();
        using SingleRun run = SingleRun.Open(folder, device);
        run.DoubleAlibiSlopes();
        GoldenChecks.Check(run, folder, "golden");
    }

    [TestCase("llama-plain", DType.BF16, 1.0f, 0.1)]
    [TestCase("llama-bf16", DType.BF16, 1.0f, 0.1)]
    [TestCase("qwen3", DType.BF16, 1.0f, 0.1)]
    [TestCase("gemma2", DType.BF16, 1.0f, 0.1)]
    [TestCase("gemma4", DType.BF16, 1.0f, 0.1)]
    [TestCase("llama-plain", DType.F16, 0.15f, 0.015)]
    [TestCase("llama-f16", DType.F16, 0.15f, 0.015)]
    public void Sixteen_bit_compute_stays_within_its_tolerance(
        string name, DType type, float largest, double mean)
    {
        string folder = Path.Combine(GoldenFolder.Committed, name);
        using ReferenceDevice device = new();
        using SingleRun run = SingleRun.Open(folder, device, type: type);
        GoldenCase multi = GoldenFolder.Read(folder, "golden").Single(c => c.Name == "multi");
        (float largestFound, double meanFound) = GoldenChecks.LogitDifferences(run, multi);
        Assert.That(largestFound, Is.LessThan(largest));
        Assert.That(meanFound, Is.LessThan(mean));
    }

    [Test]
    public void Longrope_takes_the_short_factors_where_the_engine_never_goes_beyond_the_original_length()
    {
        string folder = Path.Combine(GoldenFolder.Committed, "phi3-longrope");
        using ReferenceDevice device = new();
        using SingleRun run = SingleRun.Open(folder, device, maxModelLen: 96);
        GoldenCase multi = GoldenFolder.Read(folder, "golden").Single(c => c.Name == "multi");
        Assert.That(run.Greedy(multi.Prompt, multi.Greedy.Length), Is.EqualTo(multi.Greedy));
    }

    [Explicit("Needs the whole reference data: set ENGINE_MODEL_DATA to its folder")]
    [TestCaseSource(nameof(ExternalFolders))]
    public void Every_folder_of_the_reference_data_matches(string folder, string config, string golden)
    {
        string root = Environment.GetEnvironmentVariable("ENGINE_MODEL_DATA")!;
        using IDevice device = Environment.GetEnvironmentVariable("ENGINE_MODEL_DEVICE") == "reference"
            ? new ReferenceDevice()
            : new CpuDevice();
        try
        {
            GoldenChecks.Check(Path.Combine(root, folder), config, golden, device);
        }
        catch (EngineException e) when (e.Parameter == "architectures")
        {
            Assert.Ignore("this architecture does not run yet");
        }
    }

    internal static IEnumerable<TestCaseData> CommittedFolders() => Folders(GoldenFolder.Committed);

    internal static IEnumerable<TestCaseData> ExternalFolders() =>
        Folders(Environment.GetEnvironmentVariable("ENGINE_MODEL_DATA"));

    private static IEnumerable<TestCaseData> Folders(string? root)
    {
        if (root is null) yield break;
        foreach (string path in Directory.GetDirectories(root).Order(StringComparer.Ordinal))
        {
            string folder = Path.GetFileName(path);
            foreach (string config in (string[])["config.json", "config.v5.json"])
            {
                if (!File.Exists(Path.Combine(path, config)) || folder == DoubledBias) continue;
                // Where both readings exist the engine's is the one that a KV cache allows.
                bool isFixed = File.Exists(Path.Combine(path, "golden.fixed.json"));
                yield return new TestCaseData(folder, config, isFixed ? "golden.fixed" : "golden")
                    .SetArgDisplayNames(folder, config);
            }
        }
    }
}
