using System.Security.Cryptography;
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
/// Checkpoints of every format with known answers: those of tests/data/quantized, and all folders below
/// ENGINE_QUANTIZED if that is set.
/// </summary>
internal sealed class QuantizedFolderTests
{
    // ct-w4a16-actorder was hashed before packing, with the sign of its zeros, which no format can store.
    private static readonly string[] Exact = ["gptq", "awq", "ct-w", "ct-fp8", "ct-mx", "fp8", "modelopt-fp8"];

    internal static IEnumerable<string> Folders()
    {
        string? more = Environment.GetEnvironmentVariable("ENGINE_QUANTIZED");
        string committed = Path.Combine(TestPaths.Data, "quantized");
        foreach (string root in new[] { committed, more }.OfType<string>())
        {
            foreach (string folder in Directory.GetDirectories(root).Order(StringComparer.Ordinal))
            {
                string name = Path.GetFileName(folder);
                bool isHere = File.Exists(Path.Combine(folder, "model.safetensors"))
                    && name is not ("kv-cache" or "gpt-oss-mxfp4");
                if (isHere) yield return folder;
            }
        }
    }

    internal static JsonElement Golden(string folder)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json")));
        return json.RootElement.Clone();
    }

    [TestCaseSource(nameof(Folders))]
    public void EveryMatrixIsDequantizedAsTheFormatSays(string folder)
    {
        JsonElement expected = Golden(folder).GetProperty("dequantized");
        string name = Path.GetFileName(folder);
        bool exact = name != "ct-w4a16-actorder"
            && Exact.Any(p => name.StartsWith(p, StringComparison.Ordinal));
        using WeightSource weights = ModelResolver.OpenSafetensors(new ModelFolder(folder));
        var quantized = (QuantizedWeights)weights;
        using SafetensorsFile stored = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        Assert.Multiple(() =>
        {
            foreach (JsonProperty hash in expected.GetProperty("sha256_float32").EnumerateObject())
            {
                float[] values = Matrix(quantized, hash.Name);
                if (exact)
                    Assert.That(Sha256(values), Is.EqualTo(hash.Value.GetString()), hash.Name);
                CheckRows(stored, expected, hash.Name, values);
            }
        });
    }

    private static float[] Matrix(QuantizedWeights weights, string module)
    {
        (int n, int k) = weights.ShapeOf(module);
        return WeightSource.ReadVector(weights.Require(module + ".weight", n, k));
    }

    internal static string Sha256(float[] values) => Convert.ToHexStringLower(
        SHA256.HashData(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values)));

    internal static void CheckRows(SafetensorsFile stored, JsonElement expected, string module, float[] values)
    {
        bool whole = stored.Tensors.TryGetValue(module + ".dequantized", out SafetensorsTensor? tensor);
        if (!whole && !stored.Tensors.TryGetValue(module + ".dequantized_rows", out tensor)) return;
        float[] wanted = WeightSource.ReadVector(tensor!);
        int k = (int)tensor!.Shape[1];
        int[] rows = whole
            ? [.. Enumerable.Range(0, wanted.Length / k)]
            : [.. expected.GetProperty("rows").GetProperty(module).EnumerateArray().Select(r => r.GetInt32())];
        double worst = 0;
        for (int r = 0; r < rows.Length; r++)
        {
            for (int i = 0; i < k; i++)
            {
                double want = wanted[(r * k) + i];
                double difference = Math.Abs(values[(rows[r] * k) + i] - want);
                worst = Math.Max(worst, difference / Math.Max(Math.Abs(want), 1e-30));
            }
        }

        Assert.That(worst, Is.LessThan(1e-6), module);
    }

    internal static IDevice Device(string name) => name == "reference"
        ? new ReferenceDevice()
        : KernelData.Device(Enum.Parse<CpuIsa>(name), precision: ActivationPrecision.Float);

    internal static IEnumerable<string> Devices() =>
        KernelData.Isas.Select(isa => isa.ToString()).Prepend("reference");

    [Test]
    public void TheModelComputesTheStoredLogitsAndGreedyTokens(
        [ValueSource(nameof(Folders))] string folder, [ValueSource(nameof(Devices))] string deviceName)
    {
        using IDevice device = Device(deviceName);
        ModelFolder files = new(folder);
        ModelConfig config = ModelConfig.Read(files);
        using WeightSource map = ModelResolver.OpenSafetensors(files);
        ModelWeights weights = ModelWeights.Load(config, device, map, DType.F32, null, CancellationToken.None);
        using SingleRun run = new(weights, 96, ownsWeights: true);
        using SafetensorsFile stored = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        Assert.Multiple(() =>
        {
            foreach (JsonElement prompt in Golden(folder).GetProperty("prompts").EnumerateArray())
                CheckPrompt(run, stored, prompt);
        });
    }

    /// <summary>Formats that round activations are compared with their weight-only variant.</summary>
    internal static void CheckPrompt(SingleRun run, SafetensorsFile stored, JsonElement prompt)
    {
        bool hasVariant = prompt.TryGetProperty("variants", out JsonElement variants)
            && variants.TryGetProperty("weight_only", out JsonElement _);
        JsonElement wanted = hasVariant ? variants.GetProperty("weight_only") : prompt;
        int[] tokens = Ints(prompt.GetProperty("prompt_ids"));
        int[] greedy = Ints(wanted.GetProperty("greedy_ids"));
        JsonElement name = wanted.GetProperty("logits");
        if (name.ValueKind == JsonValueKind.String)
        {
            float[] expected = WeightSource.ReadVector(stored.Tensors[name.GetString()!]);
            (_, float[] found) = run.Forward(tokens, 0);
            int[] positions = Ints(prompt.GetProperty("positions"));
            int vocab = found.Length / tokens.Length;
            float worst = 0;
            for (int p = 0; p < positions.Length; p++)
            {
                for (int v = 0; v < vocab; v++)
                {
                    float difference = Math.Abs(expected[(p * vocab) + v] - found[(positions[p] * vocab) + v]);
                    worst = difference <= worst ? worst : difference;
                }
            }

            Assert.That(worst, Is.LessThan(1e-3f), name.GetString());
        }

        Assert.That(run.Greedy(tokens, greedy.Length), Is.EqualTo(greedy), "greedy tokens");
    }

    internal static int[] Ints(JsonElement e) => [.. e.EnumerateArray().Select(x => x.GetInt32())];
}
