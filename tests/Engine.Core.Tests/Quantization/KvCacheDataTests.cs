using System.Text.Json;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Reference;
using Engine.Loading;
using Engine.Memory;
using Engine.Models;
using Engine.Tests.Golden;

namespace Engine.Tests.Quantization;

/// <summary>Stored logits and greedy tokens of an unquantized model whose K and V are rounded to 8 bits.</summary>
internal sealed class KvCacheDataTests
{
    private static readonly string Folder = Path.Combine(TestPaths.Data, "quantized", "kv-cache");

    private static readonly string[] Devices = ["reference", "baseline", "best"];

    private static IDevice Create(string name) => name switch
    {
        "reference" => new ReferenceDevice(),
        "baseline" => new CpuDevice(new CpuDeviceOptions { NumThreads = 2, Isa = CpuIsa.Baseline }),
        _ => new CpuDevice(new CpuDeviceOptions { NumThreads = 2 }),
    };

    [Test]
    public void RoundedKeysAndValuesGiveTheStoredLogitsAndTokens(
        [ValueSource(nameof(Devices))] string device,
        [Values("", "fp8_e4m3_scale1", "fp8_e4m3_layer_scale", "int8_per_token_head")] string variant)
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "golden.json")));
        JsonElement prompt = golden.RootElement.GetProperty("prompts")[1];
        JsonElement wanted = variant.Length == 0 ? prompt : prompt.GetProperty("variants").GetProperty(variant);
        DType type = variant.StartsWith("fp8", StringComparison.Ordinal) ? DType.F8E4M3
            : variant.Length > 0 ? DType.I8 : DType.F32;
        IReadOnlyList<KvScale> scales = variant.EndsWith("layer_scale", StringComparison.Ordinal)
            ? Scales(golden.RootElement.GetProperty("notes").GetProperty("fp8_layer_scales"))
            : [];
        using IDevice target = Create(device);
        using SingleRun run = Open(target, type, scales);
        int[] tokens = Ints(prompt.GetProperty("prompt_ids"));
        Assert.Multiple(() =>
        {
            Assert.That(
                ShareOfClosePositions(run, tokens, Ints(prompt.GetProperty("positions")), wanted),
                Is.GreaterThanOrEqualTo(device == "reference" ? 1 : 0.8));
            Assert.That(run.Greedy(tokens, 24), Is.EqualTo(Ints(wanted.GetProperty("greedy_ids"))));
        });
    }

    [TestCase(DType.F32)]
    [TestCase(DType.F16)]
    [TestCase(DType.BF16)]
    [TestCase(DType.I8)]
    [TestCase(DType.F8E4M3)]
    public void EveryTypeTakesTheTokensOneByOneAsAtOnce(DType type)
    {
        using IDevice device = Create("best");
        using SingleRun whole = Open(device, type, []), single = Open(device, type, []);
        int[] tokens = [.. Enumerable.Range(1, 40)];
        (_, float[] expected) = whole.Forward(tokens, 0);
        List<float> found = [];
        for (int i = 0; i < tokens.Length; i++) found.AddRange(single.Forward(tokens.AsSpan(i, 1), i).Logits);
        Assert.That(found, Is.EqualTo(expected));
    }

    private static SingleRun Open(IDevice device, DType type, IReadOnlyList<KvScale> scales)
    {
        ModelFolder files = new(Folder);
        ModelConfig config = ModelConfig.Read(files);
        using WeightSource map = ModelResolver.OpenSafetensors(files);
        ModelWeights weights = ModelWeights.Load(config, device, map, DType.F32, null, CancellationToken.None);
        return new SingleRun(weights, 96, ownsWeights: true, type, scales);
    }

    // A value next to a rounding edge may fall on its other side and move later positions by 0.15 to 0.5.
    private static double ShareOfClosePositions(SingleRun run, int[] tokens, int[] positions, JsonElement wanted)
    {
        using SafetensorsFile stored = SafetensorsFile.Open(Path.Combine(Folder, "golden.safetensors"));
        float[] expected = WeightSource.ReadVector(stored.Tensors[wanted.GetProperty("logits").GetString()!]);
        (_, float[] found) = run.Forward(tokens, 0);
        int vocab = found.Length / tokens.Length, close = 0;
        for (int p = 0; p < positions.Length; p++)
        {
            float worst = 0;
            for (int v = 0; v < vocab; v++)
            {
                float difference = Math.Abs(expected[(p * vocab) + v] - found[(positions[p] * vocab) + v]);
                worst = difference <= worst ? worst : difference;
            }

            if (worst < 1e-3f) close++;
        }

        return (double)close / positions.Length;
    }

    private static KvScale[] Scales(JsonElement e) =>
    [
        .. Enumerable.Range(0, 2).Select(i => new KvScale(
            e.GetProperty($"{i}.k_scale").GetSingle(), e.GetProperty($"{i}.v_scale").GetSingle())),
    ];

    private static int[] Ints(JsonElement e) => [.. e.EnumerateArray().Select(x => x.GetInt32())];
}
