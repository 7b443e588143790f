using System.Text.Json;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Reference;
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
    private const int Rows = 4;

    internal static IEnumerable<string> Folders() => QuantizedFolderTests.Folders().Where(folder =>
    {
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        return golden.Tensors.Keys.Any(name => name.EndsWith(".in_rounded", StringComparison.Ordinal));
    });

    private static IDevice Device(string name) => name == "reference"
        ? new ReferenceDevice(followsInputs: true)
        : KernelData.Device(Enum.Parse<CpuIsa>(name), precision: ActivationPrecision.Auto);

    [TestCaseSource(nameof(Folders))]
    public void The_reference_rounds_inputs_to_the_stored_values(string folder)
    {
        using WeightSource weights = ModelResolver.OpenSafetensors(new ModelFolder(folder));
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        Assert.Multiple(() =>
        {
            foreach (string module in Modules(golden))
            {
                float[] x = WeightSource.ReadVector(golden.Tensors[module + ".in"]), found = new float[x.Length];
                int k = x.Length / Rows, n = (int)golden.Tensors[module + ".out"].Shape[1];
                InputScheme scheme = weights.Require(module + ".weight", n, k).Matrix!.Inputs;
                for (int r = 0; r < Rows; r++)
                    InputRounder.Round(scheme, x.AsSpan(r * k, k), found.AsSpan(r * k, k));
                float[] expected = WeightSource.ReadVector(golden.Tensors[module + ".in_rounded"]);
                double worst = found.Zip(expected, (a, b) => Math.Abs(a - b) / Math.Max(Math.Abs(b), 1e-9)).Max();
                Assert.That(worst, Is.LessThan(1e-6), module);
            }
        });
    }

    [Test]
    public void OneLayerGivesTheStoredOutput(
        [ValueSource(nameof(Folders))] string folder, [Values("Auto", "reference")] string deviceName)
    {
        using IDevice device = Device(deviceName);
        using WeightSource weights = ModelResolver.OpenSafetensors(new ModelFolder(folder));
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        Assert.Multiple(() =>
        {
            foreach (string module in Modules(golden))
            {
                float[] x = WeightSource.ReadVector(golden.Tensors[module + ".in"]);
                float[] expected = WeightSource.ReadVector(golden.Tensors[module + ".out"]);
                float[] found = Multiply(device, weights, module, x, expected.Length);
                double worst = found.Zip(expected, (a, b) => Math.Abs(a - b)).Max();
                Assert.That(worst, Is.LessThan(1e-5 * expected.Max(MathF.Abs)), module);
            }
        });
    }

    private static IEnumerable<string> Modules(SafetensorsFile golden) =>
        golden.Tensors.Keys.Where(n => n.EndsWith(".in", StringComparison.Ordinal)).Select(n => n[..^3]);

    private static float[] Multiply(IDevice device, WeightSource weights, string module, float[] x, int outputs)
    {
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
        [ValueSource(nameof(Folders))] string folder, [Values("Baseline", "Auto", "reference")] string deviceName)
    {
        using IDevice device = Device(deviceName);
        CheckModel(folder, device);
    }

    internal static void CheckModel(string folder, IDevice device)
    {
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
