using System.Text.Json;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Loading;
using Engine.Memory;
using Engine.Models;
using Engine.Quantization;
using Engine.Tests.Golden;
using Engine.Tests.Kernels;

namespace Engine.Tests.Quantization;

/// <summary>
/// Checkpoints whose inputs are rounded, followed to the letter: single layers, logits and greedy tokens of the folders
/// in tests/data/quantized, and of all below ENGINE_QUANTIZED if that is set.
/// </summary>
internal sealed class InputSchemeTests
{
    private static IEnumerable<string> Folders() => QuantizedFolderTests.Folders().Where(folder =>
    {
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        return golden.Tensors.Keys.Any(name => name.EndsWith(".in_rounded", StringComparison.Ordinal));
    });

    private static CpuDevice Device(CpuIsa isa) => KernelData.Device(isa, precision: ActivationPrecision.Auto);

    [TestCaseSource(nameof(Folders))]
    public void OneLayerGivesTheStoredOutput(string folder)
    {
        using CpuDevice device = Device(CpuIsa.Auto);
        using WeightSource weights = ModelResolver.OpenSafetensors(new ModelFolder(folder));
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        IEnumerable<string> inputs = golden.Tensors.Keys.Where(n => n.EndsWith(".in", StringComparison.Ordinal));
        string[] modules = [.. inputs.Select(n => n[..^3])];
        Assert.Multiple(() =>
        {
            foreach (string module in modules)
            {
                float[] x = WeightSource.ReadVector(golden.Tensors[module + ".in"]);
                float[] expected = WeightSource.ReadVector(golden.Tensors[module + ".out"]);
                float[] found = Multiply(device, weights, module, x, expected.Length);
                double worst = found.Zip(expected, (a, b) => Math.Abs(a - b)).Max();
                Assert.That(worst, Is.LessThan(1e-5 * expected.Max(MathF.Abs)), module);
            }
        });
    }

    private static float[] Multiply(CpuDevice device, WeightSource weights, string module, float[] x, int outputs)
    {
        const int Rows = 4;
        int k = x.Length / Rows, n = outputs / Rows;
        WeightMatrix matrix = weights.Require(module + ".weight", n, k).Matrix!;
        using LinearWeight weight = device.PackLinear(new LinearSource
        {
            Parts = [new LinearPart(n, k, DType.F32, 0, k, Matrix: matrix)],
            ComputeType = DType.F32,
        });
        using var gx = GuardedMemory.OfFloats(x);
        using var gy = new GuardedMemory((long)outputs * sizeof(float));
        device.Linear(gy.View(Rows, n, n), gx.View(Rows, k, k), weight, null, false);
        return gy.Floats(outputs).ToArray();
    }

    [Test]
    public void TheModelComputesTheLogitsOfRoundedInputs(
        [ValueSource(nameof(Folders))] string folder, [Values(CpuIsa.Baseline, CpuIsa.Auto)] CpuIsa isa)
    {
        using CpuDevice device = Device(isa);
        ModelFolder files = new(folder);
        ModelConfig config = ModelConfig.Read(files);
        using WeightSource map = ModelResolver.OpenSafetensors(files);
        ModelWeights weights = ModelWeights.Load(config, device, map, DType.F32, null, CancellationToken.None);
        KvScale[] scales = [.. Enumerable.Range(0, config.NumLayers).Select(map.KvScaleOf)];
        using SingleRun run = new(weights, 96, ownsWeights: true, map.KvCacheType ?? DType.F32, scales);
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        Assert.Multiple(() =>
        {
            foreach (JsonElement prompt in QuantizedFolderTests.Golden(folder).GetProperty("prompts").EnumerateArray())
            {
                int[] tokens = QuantizedFolderTests.Ints(prompt.GetProperty("prompt_ids"));
                int[] greedy = QuantizedFolderTests.Ints(prompt.GetProperty("greedy_ids"));
                // A value in front of a rounding edge may fall on its other side, which moves later positions.
                bool isSteady = prompt.GetProperty("max_abs_diff_under_1e-6_noise").GetDouble() < 1e-3;
                double share = ShareOfClosePositions(run, golden, prompt, tokens);
                Assert.That(share, Is.GreaterThanOrEqualTo(isSteady ? 1 : 0.2), $"{tokens.Length} tokens");
                Assert.That(run.Greedy(tokens, greedy.Length), Is.EqualTo(greedy), "greedy tokens");
            }
        });
    }

    private static double ShareOfClosePositions(
        SingleRun run, SafetensorsFile golden, JsonElement prompt, int[] tokens)
    {
        float[] expected = WeightSource.ReadVector(golden.Tensors[prompt.GetProperty("logits").GetString()!]);
        (_, float[] found) = run.Forward(tokens, 0);
        int[] positions = QuantizedFolderTests.Ints(prompt.GetProperty("positions"));
        int vocab = found.Length / tokens.Length;
        return positions.Select((position, p) => Enumerable.Range(0, vocab).All(v =>
                Math.Abs(expected[(p * vocab) + v] - found[(position * vocab) + v]) < 1e-3))
            .Average(isClose => isClose ? 1.0 : 0.0);
    }
}
