using System.Text.Json;
using Engine.Devices.Cuda;
using Engine.Hosting;
using Engine.Loading;
using Engine.Loading.Gguf;
using Engine.Memory;
using Engine.Models;
using Engine.Tests.Golden;
using Engine.Tests.Loading.Gguf;
using Engine.Tests.Quantization;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Quantized checkpoints on the fake GPU, their weights as they are stored.</summary>
[TestFixture]
internal sealed class CudaQuantizedTests
{
    private static IEnumerable<string> Folders =>
        QuantizedFolderTests.Folders().Concat(GgufFolderTests.Folders());

    [Test]
    public void The_model_computes_the_stored_logits_and_greedy_tokens(
        [ValueSource(nameof(Folders))] string folder)
    {
        using FakeCuda fake = new();
        using (CudaDevice device = fake.Device())
        {
            using SingleRun run = Open(folder, device);
            using SafetensorsFile stored = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
            Assert.Multiple(() =>
            {
                foreach (JsonElement prompt in QuantizedFolderTests.Golden(folder).GetProperty("prompts")
                    .EnumerateArray())
                {
                    QuantizedFolderTests.CheckPrompt(run, stored, prompt);
                }
            });
        }

        Assert.That(fake.Counters.Live, Is.Zero);
    }

    [Test]
    public void Inputs_are_rounded_as_the_checkpoint_says(
        [ValueSource(typeof(InputSchemeTests), nameof(InputSchemeTests.Folders))] string folder)
    {
        using FakeCuda fake = new();
        using (CudaDevice device = new(FakeCuda.DeviceOptions() with { FollowsInputs = true }))
            InputSchemeTests.CheckModel(folder, device);
        Assert.Multiple(() =>
        {
            Assert.That(FakeCuda.Runs("ekc_round_"), Is.Positive);
            Assert.That(fake.Counters.Live, Is.Zero);
        });
    }

    [Test]
    public void A_plan_without_a_gpu_counts_the_bytes_that_loading_then_takes(
        [ValueSource(nameof(Folders))] string folder, [Values("float32", "bfloat16")] string dtype)
    {
        using FakeCuda fake = new();
        ModelLoadOptions load = new()
        {
            Model = folder,
            Device = "cuda",
            Dtype = dtype,
            Cuda = FakeCuda.DeviceOptions(),
        };
        MemoryPlan plan = MemoryPlan.Compute(load, new EngineOptions { NumBlocks = 8 });
        using LoadedModel model = LoadedModel.Load(load);
        Assert.That(plan.WeightBytes, Is.EqualTo(model.WeightBytes));
    }

    private static SingleRun Open(string folder, CudaDevice device)
    {
        ModelFolder files = new(folder);
        if (GgufModel.FindIn(files) is not null) return GgufRun.Open(folder, device);
        using WeightSource map = ModelResolver.OpenSafetensors(files);
        ModelWeights weights = ModelWeights.Load(
            ModelConfig.Read(files), device, map, DType.F32, null, CancellationToken.None);
        return new SingleRun(weights, 96, ownsWeights: true);
    }
}
