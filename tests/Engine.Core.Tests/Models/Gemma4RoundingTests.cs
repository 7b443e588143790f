using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Engine.Conversion;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Reference;
using Engine.Hosting;
using Engine.Loading;
using Engine.Memory;
using Engine.Models;
using Engine.Quantization;
using Engine.Tests.Golden;
using Engine.Tests.Loading.Gguf;
using Engine.Tests.Quantization;

namespace Engine.Tests.Models;

/// <summary>Gemma 4 with rounded weights: its matrices are rounded, the table of embeddings per layer is not.</summary>
internal sealed class Gemma4RoundingTests
{
    private const int Seed = 4711;
    private static readonly int[] Prompt = [1, 17, 250, 33, 90, 5, 311, 8, 8, 205];
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-gemma4-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase("int4", WeightQuantization.Int4)]
    [TestCase("int8", WeightQuantization.Int8)]
    [TestCase("fp8", WeightQuantization.Fp8)]
    public void A_converted_model_is_the_one_rounded_while_loading(string name, WeightQuantization kind)
    {
        WriteModel(_folder);
        string output = Path.Combine(_folder, "out");
        _ = ModelConverter.Convert(
            new ModelLoadOptions { Model = _folder, Quantization = name }, new ConvertOptions { Output = output });
        using CpuDevice rounding = new(new CpuDeviceOptions { NumThreads = 2, Quantization = kind });
        using CpuDevice plain = new(new CpuDeviceOptions { NumThreads = 2 });
        using SingleRun expected = GgufRun.Open(_folder, rounding), found = GgufRun.Open(output, plain);
        Assert.That(found.Forward(Prompt, 0).Logits, Is.EqualTo(expected.Forward(Prompt, 0).Logits), $"seed {Seed}");
    }

    [TestCase(WeightQuantization.Int8)]
    [TestCase(WeightQuantization.Int4)]
    [TestCase(WeightQuantization.Fp8)]
    public void Inputs_that_are_no_whole_group_round_as_well(WeightQuantization kind)
    {
        string source = Path.Combine(GoldenFolder.Committed, "gemma4");
        using CpuDevice rounding = new(new CpuDeviceOptions { NumThreads = 2, Quantization = kind });
        using SingleRun run = SingleRun.Open(source, rounding);
        Assert.That(run.Forward(Prompt, 0).Logits, Has.All.InRange(-12, 12));
    }

    [Test]
    public void A_table_in_blocks_keeps_them_where_matrices_are_rounded(
        [Values(WeightQuantization.None, WeightQuantization.Int4, WeightQuantization.Fp8)] WeightQuantization kind)
    {
        byte[] blocks = new byte[32 * 2 * 34];
        Random random = new(Seed);
        random.NextBytes(blocks);
        for (int i = 0; i < blocks.Length; i += 34) MemoryMarshal.Write(blocks.AsSpan(i), (Half)0.25f);
        using CpuDevice device = new(new CpuDeviceOptions { NumThreads = 2, Quantization = kind });
        using ReferenceDevice reference = new();
        using DeviceBuffer memory = device.Allocate(blocks.Length);
        Marshal.Copy(blocks, 0, memory.Address, blocks.Length);
        LinearPart part = new(32, 64, DType.F32, memory.Address, 68, Blocks: WeightBlocks.Q8_0);
        LinearSource source = new() { Parts = [part], ComputeType = DType.F32, IsTable = true };
        using LinearWeight table = device.PackEmbedding(source), whole = reference.PackEmbedding(source);
        Assert.That(table.Bytes, Is.EqualTo(blocks.Length));
        Assert.That(Rows(device, table), Is.EqualTo(Rows(reference, whole)), $"seed {Seed}");
    }

    private static float[] Rows(IDevice device, LinearWeight table)
    {
        float[] found = new float[2 * 64];
        using DeviceBuffer rows = device.Allocate(found.Length * sizeof(float));
        device.Embed(rows.View(DType.F32, 2, 64), table, [31, 3], 1);
        device.Download(found, rows.View(DType.F32, 2, 64));
        return found;
    }

    // Every width a multiple of 32, as real models have.
    private static void WriteModel(string folder)
    {
        JsonObject json = JsonNode.Parse(
            File.ReadAllText(Path.Combine(GoldenFolder.Committed, "gemma4", "config.json")))!.AsObject();
        json["hidden_size_per_layer_input"] = 32;
        byte[] config = System.Text.Encoding.UTF8.GetBytes(json.ToJsonString());
        File.WriteAllBytes(Path.Combine(folder, "config.json"), config);
        using ReferenceDevice device = new();
        using DummyWeights dummy = new(Seed, DType.F32);
        RecordedWeights recorded = new(dummy);
        _ = ModelWeights.Plan(ModelConfig.Parse(config), device, recorded, DType.F32);
        Random random = new(Seed);
        TensorsOnDisk.Write(folder,
        [
            .. recorded.Taken.Select(t => TensorsOnDisk.Tensor(
                t.Key, DType.F32, t.Value.Shape, Values(random, t.Value.Shape))),
        ]);
    }

    private static float[] Values(Random random, long[] shape)
    {
        float centre = shape.Length == 1 ? 1 : 0;
        float[] values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        for (int i = 0; i < values.Length; i++) values[i] = centre + ((random.NextSingle() - 0.5f) / 2);
        return values;
    }
}
