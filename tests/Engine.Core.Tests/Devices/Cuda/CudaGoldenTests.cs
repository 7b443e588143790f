using Engine.Devices.Cuda;
using Engine.Memory;
using Engine.Tests.Golden;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Models of every family on the fake GPU against the goldens.</summary>
[TestFixture]
internal sealed class CudaGoldenTests
{
    [TestCaseSource(nameof(CommittedFolders))]
    public void Tiny_models_match_their_goldens_in_f32(string folder, string config, string golden) =>
        Check(GoldenFolder.Committed, folder, config, golden);

    [Explicit("Needs the whole reference data: set ENGINE_MODEL_DATA to its folder")]
    [TestCaseSource(typeof(GoldenTests), nameof(GoldenTests.ExternalFolders))]
    public void Every_folder_of_the_reference_data_matches(string folder, string config, string golden)
    {
        try
        {
            Check(Environment.GetEnvironmentVariable("ENGINE_MODEL_DATA")!, folder, config, golden);
        }
        catch (EngineException e) when (e.Parameter == "architectures")
        {
            Assert.Ignore("this architecture does not run yet");
        }
    }

    [TestCase("llama-plain", DType.BF16, 1.0f, 0.1)]
    [TestCase("llama-bf16", DType.BF16, 1.0f, 0.1)]
    [TestCase("qwen3", DType.BF16, 1.0f, 0.1)]
    [TestCase("gemma2", DType.BF16, 1.0f, 0.1)]
    [TestCase("gemma4", DType.BF16, 1.0f, 0.1)]
    [TestCase("llama-plain", DType.F16, 0.15f, 0.015)]
    [TestCase("llama-f16", DType.F16, 0.15f, 0.015)]
    public void Sixteen_bit_activations_stay_within_the_tolerance_of_sixteen_bit_weights(
        string name, DType type, float largest, double mean)
    {
        using FakeCuda fake = new();
        using CudaDevice device = fake.Device(type);
        using SingleRun run = SingleRun.Open(Path.Combine(GoldenFolder.Committed, name), device, type: type);
        GoldenCase multi = GoldenFolder.Read(Path.Combine(GoldenFolder.Committed, name), "golden")
            .Single(c => c.Name == "multi");
        (float largestFound, double meanFound) = GoldenChecks.LogitDifferences(run, multi);
        TestContext.Out.WriteLine($"largest {largestFound}, mean {meanFound}");
        Assert.That(largestFound, Is.LessThan(largest));
        Assert.That(meanFound, Is.LessThan(mean));
    }

    [TestCase(DType.F32)]
    [TestCase(DType.BF16)]
    public void The_emulated_kernels_give_the_tokens_of_the_plain_ones(DType type)
    {
        string folder = Path.Combine(GoldenFolder.Committed, "llama-plain");
        GoldenCase golden = GoldenFolder.Read(folder, "golden")[1];
        int[] plain = Run(false), emulated = Run(true);
        Assert.That(emulated, Is.EqualTo(plain));
        if (type == DType.F32) Assert.That(emulated, Is.EqualTo(golden.Greedy[..plain.Length]));

        int[] Run(bool emulates)
        {
            using FakeCuda fake = new(new FakeCudaOptions { Emulates = emulates });
            using CudaDevice device = fake.Device(type);
            using SingleRun run = SingleRun.Open(folder, device, type: type);
            return run.Greedy(golden.Prompt, 6);
        }
    }

    // What another form of the same config makes is the loader's, and the CPU's tests have it.
    private static IEnumerable<TestCaseData> CommittedFolders() =>
        GoldenTests.CommittedFolders().Where(c => c.Arguments[1] is "config.json");

    private static void Check(string root, string folder, string config, string golden)
    {
        using FakeCuda fake = new();
        using (CudaDevice device = fake.Device())
        {
            GoldenChecks.Check(Path.Combine(root, folder), config, golden, device);
        }

        Assert.That(fake.Counters.Live, Is.Zero);
    }
}
