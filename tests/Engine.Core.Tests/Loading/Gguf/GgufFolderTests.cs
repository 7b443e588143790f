using System.Text.Json;
using Engine.Devices;
using Engine.Hosting;
using Engine.Loading;
using Engine.Loading.Gguf;
using Engine.Memory;
using Engine.Models;
using Engine.Tests.Golden;
using Engine.Tests.Quantization;
using Engine.Tokenization;

namespace Engine.Tests.Loading.Gguf;

/// <summary>
/// GGUF models with known answers: those of tests/data/quantized, and all folders below ENGINE_QUANTIZED if that is
/// set.
/// </summary>
internal sealed class GgufFolderTests
{
    // Products of a half-precision scale and a small integer; in the others the order of products may differ.
    private static readonly string[] Exact =
        ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL", "TQ1_0", "TQ2_0", "MXFP4"];

    internal static IEnumerable<string> Folders()
    {
        string? more = Environment.GetEnvironmentVariable("ENGINE_QUANTIZED");
        string committed = Path.Combine(TestPaths.Data, "quantized");
        foreach (string root in new[] { committed, more }.OfType<string>())
        {
            foreach (string folder in Directory.GetDirectories(root).Order(StringComparer.Ordinal))
            {
                if (Directory.EnumerateFiles(folder, "*.gguf").Any()) yield return folder;
            }
        }
    }

    private static IEnumerable<string> Devices() => QuantizedFolderTests.Devices();

    [TestCaseSource(nameof(Folders))]
    public void EveryMatrixIsDequantizedAsTheFormatSays(string folder)
    {
        JsonElement golden = QuantizedFolderTests.Golden(folder), expected = golden.GetProperty("dequantized");
        JsonElement types = golden.GetProperty("tensor_types");
        using GgufModel model = GgufModel.Open(GgufModel.FindIn(new ModelFolder(folder))!);
        using SafetensorsFile stored = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        Assert.Multiple(() =>
        {
            foreach (JsonProperty hash in expected.GetProperty("sha256_float32").EnumerateObject())
            {
                MappedGgufTensor tensor = model.Tensors[hash.Name];
                (int n, int k) = ((int)tensor.Info.Shape[1], (int)tensor.Info.Shape[0]);
                Engine.Quantization.GgufMatrix matrix = new(hash.Name, tensor.Info.Type, tensor.Address, n, k);
                float[] values = new float[n * k];
                for (int r = 0; r < n; r++) matrix.Dequantize(r, values.AsSpan(r * k, k));
                string type = types.GetProperty(hash.Name).GetString()!;
                Assert.That(tensor.Info.Type.Name, Is.EqualTo(type), hash.Name);
                if (Exact.Contains(type))
                    Assert.That(QuantizedFolderTests.Sha256(values), Is.EqualTo(hash.Value.GetString()), hash.Name);
                QuantizedFolderTests.CheckRows(stored, expected, hash.Name, values);
            }
        });
    }

    [Test]
    public void TheModelComputesTheStoredLogitsAndGreedyTokens(
        [ValueSource(nameof(Folders))] string folder, [ValueSource(nameof(Devices))] string deviceName)
    {
        using IDevice device = QuantizedFolderTests.Device(deviceName);
        using SingleRun run = GgufRun.Open(folder, device);
        using SafetensorsFile stored = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        Assert.Multiple(() =>
        {
            foreach (JsonElement prompt in QuantizedFolderTests.Golden(folder).GetProperty("prompts").EnumerateArray())
                QuantizedFolderTests.CheckPrompt(run, stored, prompt);
        });
    }

    [TestCaseSource(nameof(Folders))]
    public void TheTokenizerOfTheMetadataGivesTheStoredIds(string folder)
    {
        string file = GgufModel.FindIn(new ModelFolder(folder))!;
        Tokenizer tokenizer = TokenizerLoader.Load(file);
        foreach (JsonElement example in
            QuantizedFolderTests.Golden(folder).GetProperty("tokenizer_examples").EnumerateArray())
        {
            string text = example.GetProperty("text").GetString()!;
            Assert.That(
                tokenizer.Encode(text), Is.EqualTo(QuantizedFolderTests.Ints(example.GetProperty("ids"))), text);
        }
    }
}

/// <summary>One sequence through a GGUF model.</summary>
internal static class GgufRun
{
    /// <summary>The model of a folder or file in float32.</summary>
    public static SingleRun Open(string path, IDevice device, int maxTokens = 96)
    {
        ModelLoadOptions options = new() { Model = path };
        ModelFolder files = ModelResolver.Resolve(options, CancellationToken.None);
        using GgufModel? gguf = files.Gguf;
        ModelConfig config = ModelConfig.Read(files);
        using WeightSource map = ModelResolver.OpenWeights(options, config, files);
        ModelWeights weights = ModelWeights.Load(config, device, map, DType.F32, null, CancellationToken.None);
        return new SingleRun(weights, Math.Min(config.MaxModelLen, maxTokens), ownsWeights: true);
    }
}
