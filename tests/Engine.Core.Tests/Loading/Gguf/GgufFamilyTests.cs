using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Engine.Devices.Reference;
using Engine.Tests.Golden;

namespace Engine.Tests.Loading.Gguf;

/// <summary>
/// Random checkpoints of every family beside what llama.cpp's converter makes of them. What it does, name by name, was
/// recorded from it (tests/data/gguf/make.py); the weights are new here.
/// </summary>
internal sealed class GgufFamilyTests
{
    private const int Seed = 20260;
    private static readonly Lazy<JsonDocument> Recorded = new(ReadRecorded);
    private string _folder = "";

    private static JsonDocument ReadRecorded()
    {
        using FileStream file = File.OpenRead(Path.Combine(TestPaths.Data, "gguf", "families.json.gz"));
        using GZipStream unpacked = new(file, CompressionMode.Decompress);
        return JsonDocument.Parse(unpacked);
    }

    private static IEnumerable<string> Families() =>
        Recorded.Value.RootElement.EnumerateObject().Select(p => p.Name);

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-gguf-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestCaseSource(nameof(Families))]
    public void AConvertedFileComputesWhatItsCheckpointDoes(string name)
    {
        JsonElement family = Recorded.Value.RootElement.GetProperty(name);
        Random random = new(Seed);
        Dictionary<string, (long[] Shape, float[] Values)> checkpoint = [];
        GgufWriter writer = new();
        foreach (JsonProperty entry in family.GetProperty("metadata").EnumerateObject())
        {
            writer.Value(entry.Name, entry.Value[0].GetString()!, entry.Value[1]);
            AddActivation(checkpoint, entry);
        }
        foreach (JsonElement tensor in family.GetProperty("tensors").EnumerateArray())
            AddTensor(writer, checkpoint, tensor, family.GetProperty("config"), random);
        File.WriteAllText(Path.Combine(_folder, "config.json"), family.GetProperty("config").GetRawText());
        WriteSafetensors(Path.Combine(_folder, "model.safetensors"), checkpoint);
        string gguf = Path.Combine(_folder, "model.gguf");
        File.WriteAllBytes(gguf, writer.Tokens(320).ToBytes());

        using ReferenceDevice device = new();
        using SingleRun expected = SingleRun.Open(_folder, device);
        using SingleRun found = GgufRun.Open(gguf, device);
        int[] prompt = [.. Enumerable.Range(0, 32).Select(_ => random.Next(320))];
        float[] wanted = expected.Forward(prompt, 0).Logits, computed = found.Forward(prompt, 0).Logits;
        Assert.That(computed, Has.Length.EqualTo(wanted.Length), $"seed {Seed}");
        Assert.That(wanted.Max() - wanted.Min(), Is.GreaterThan(0.1f), "logits that tell something");
        Assert.That(wanted.Zip(computed, (a, b) => Math.Abs(a - b)).Max(), Is.LessThan(1e-4f), $"seed {Seed}");
    }

    // Apertus has the parameters of its activation in tensors, GGUF files in the metadata.
    private static void AddActivation(Dictionary<string, (long[], float[])> checkpoint, JsonProperty entry)
    {
        if (!entry.Name.StartsWith("xielu.", StringComparison.Ordinal)) return;
        string name = entry.Name[6..];
        long[] shape = name.StartsWith("alpha", StringComparison.Ordinal) ? [1] : [];
        int layer = 0;
        foreach (JsonElement value in entry.Value[1].EnumerateArray())
            checkpoint[$"model.layers.{layer++}.mlp.act_fn.{name}"] = (shape, [value.GetSingle()]);
    }

    private static void AddTensor(
        GgufWriter writer, Dictionary<string, (long[] Shape, float[] Values)> checkpoint, JsonElement tensor,
        JsonElement config, Random random)
    {
        string name = tensor.GetProperty("name").GetString()!;
        long[] shape = [.. tensor.GetProperty("shape").EnumerateArray().Select(x => x.GetInt64())];
        if (tensor.TryGetProperty("values", out JsonElement values))
        {
            writer.Tensor(name, shape, [.. values.EnumerateArray().Select(x => x.GetSingle())]);
            return;
        }
        List<float> stored = [];
        foreach (JsonElement source in tensor.GetProperty("from").EnumerateArray())
        {
            string from = source[0].GetString()!, operation = source[1].GetString()!;
            long[] own = operation == "transpose" ? [shape[1], shape[0]] : operation == "row" ? [shape[1]] : shape;
            float[] weights = Weights(random, own, name, operation == "add1");
            checkpoint[from] = (own, weights);
            stored.AddRange(Apply(operation, weights, own, HeadDim(config)));
        }
        writer.Tensor(name, shape, [.. stored]);
    }

    private static float[] Weights(Random random, long[] shape, string name, bool isShifted)
    {
        bool isNorm = name.Contains("norm", StringComparison.Ordinal) && name.EndsWith(".weight", StringComparison.Ordinal);
        float centre = isNorm && !isShifted ? 1 : 0, width = shape.Length == 2 && !isNorm ? 0.3f : 0.6f;
        float[] weights = new float[shape.Aggregate(1L, (a, b) => a * b)];
        for (int i = 0; i < weights.Length; i++) weights[i] = centre + (width * (random.NextSingle() - 0.5f));
        return weights;
    }

    private static int HeadDim(JsonElement config)
    {
        int Value(params string[] keys) => keys.Where(k => config.TryGetProperty(k, out _))
            .Select(k => config.GetProperty(k).GetInt32()).FirstOrDefault();
        int heads = Value("num_attention_heads", "n_head", "n_heads");
        return Value("head_dim") is int given and > 0 ? given : Value("hidden_size", "n_embd", "d_model") / heads;
    }

    private static float[] Apply(string operation, float[] x, long[] shape, int headDim)
    {
        int k = shape.Length == 2 ? (int)shape[1] : 1, n = (int)shape[0];
        switch (operation.Split(' '))
        {
            case ["same"] or ["row"]:
                return x;
            case ["add1"]:
                return [.. x.Select(v => v + 1)];
            case ["transpose"]:
                return [.. Enumerable.Range(0, x.Length).Select(i => x[(i % n * k) + (i / n)])];
            case ["pairs"]:
                return Rows(x, k, Enumerable.Range(0, n).Select(r =>
                    r - (r % headDim) + (r % headDim / 2) + (r % 2 * headDim / 2)));
            case ["sort", string text]:
                int groups = int.Parse(text), rows = n / groups, first = rows - (2 * headDim);
                IEnumerable<int> Part(int start, int count) => Enumerable.Range(0, groups)
                    .SelectMany(g => Enumerable.Range((g * rows) + start, count));
                return Rows(x, k, [.. Part(0, first), .. Part(first, headDim), .. Part(first + headDim, headDim)]);
            default:
                throw new ArgumentException(operation);
        }
    }

    private static float[] Rows(float[] x, int k, IEnumerable<int> order) =>
        [.. order.SelectMany(r => x.AsSpan(r * k, k).ToArray())];

    private static void WriteSafetensors(string path, Dictionary<string, (long[] Shape, float[] Values)> tensors)
    {
        StringBuilder header = new("{");
        long offset = 0;
        foreach ((string name, (long[] shape, float[] values)) in tensors)
        {
            long end = offset + (values.Length * sizeof(float));
            header.Append(offset == 0 ? "" : ",").Append(
                $"\"{name}\":{{\"dtype\":\"F32\",\"shape\":[{string.Join(',', shape)}],\"data_offsets\":[{offset},{end}]}}");
            offset = end;
        }
        byte[] json = Encoding.UTF8.GetBytes(header.Append('}').ToString());
        using FileStream file = File.Create(path);
        file.Write(BitConverter.GetBytes((long)json.Length));
        file.Write(json);
        foreach ((_, float[] values) in tensors.Values) file.Write(MemoryMarshal.AsBytes<float>(values));
    }
}
