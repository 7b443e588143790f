using System.Text.Json.Nodes;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Reference;
using Engine.Hosting;
using Engine.Loading;
using Engine.Memory;
using Engine.Models;
using Engine.Tests.Golden;
using Engine.Tests.Quantization;

namespace Engine.Tests.Models;

/// <summary>What the golden folder of Gemma 4 does not have.</summary>
internal sealed class Gemma4Tests
{
    private static readonly int[] Prompt = [1, 17, 250, 33, 90, 5, 311, 8, 8, 205];
    private string _folder = "";

    private static string Source => Path.Combine(GoldenFolder.Committed, "gemma4");

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-gemma4-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Layers_that_read_an_earlier_ones_keys_have_no_memory_of_their_own()
    {
        using ReferenceDevice device = new();
        ModelConfig config = ModelConfig.Parse(File.ReadAllBytes(Path.Combine(Source, "config.json")));
        using WeightMap weights = new(SafetensorsModel.Open(new ModelFolder(Source)));
        ModelBuilder plan = ModelWeights.Plan(config, device, weights, DType.F32);
        Assert.That(plan.KvLayers, Is.EqualTo(new[] { (1, 16), (1, 32) }));
    }

    [Test]
    public void Pooling_keeps_keys_that_later_layers_read(
        [Values("reference", "cpu")] string device, [Values] bool sameWidth)
    {
        // The last three read the first and the third. With the same width all could be one memory, if none were read.
        Dummy(c =>
        {
            c["num_hidden_layers"] = 6;
            c["num_kv_shared_layers"] = 3;
            c["layer_types"] = new JsonArray(
                [.. "full sliding sliding full sliding full".Split(' ').Select(t => (JsonNode)$"{t}_attention")]);
            if (sameWidth) c["global_head_dim"] = 16;
        });
        float[] generating = Hidden(ModelPurpose.Generate, device), pooling = Hidden(ModelPurpose.Pool, device);
        Assert.That(pooling, Is.EqualTo(generating));
    }

    [Test]
    public void Values_that_are_keys_equal_values_with_the_matrix_of_keys([Values] bool onCpu)
    {
        List<TensorToWrite> without = Tensors(t => IsFullValue(t.Name) ? null : Copy(t));
        List<TensorToWrite> doubled = Tensors(t => IsFullValue(t.Name) ? null : Copy(t));
        doubled.Add(doubled.Single(t => t.Name == "model.layers.1.self_attn.k_proj.weight") with
        {
            Name = "model.layers.1.self_attn.v_proj.weight",
        });
        WriteConfig(c => c["attention_k_eq_v"] = true);
        TensorsOnDisk.Write(_folder, without);
        float[] found = Logits(onCpu);
        WriteConfig(_ => { });
        TensorsOnDisk.Write(_folder, doubled);
        Assert.That(found, Is.EqualTo(Logits(onCpu)));
    }

    [Test]
    public void Full_layers_may_have_a_number_of_kv_heads_of_their_own()
    {
        Dummy(c =>
        {
            c["attention_k_eq_v"] = true;
            c["num_key_value_heads"] = 4;
            c["num_global_key_value_heads"] = 2;
            c["num_kv_shared_layers"] = 0;
        });
        using ReferenceDevice device = new();
        ModelConfig config = ModelConfig.Parse(File.ReadAllBytes(Path.Combine(_folder, "config.json")));
        using DummyWeights weights = new(1, DType.F32);
        ModelBuilder plan = ModelWeights.Plan(config, device, weights, DType.F32);
        Assert.That(plan.KvLayers, Is.EqualTo(new[] { (4, 16), (2, 32), (4, 16), (2, 32) }));
        Assert.That(Hidden(ModelPurpose.Generate, "cpu"), Is.EqualTo(Hidden(ModelPurpose.Generate, "reference")).Within(1e-3f));
    }

    [Test]
    public void Heads_of_512_columns_run_on_the_cpu()
    {
        Dummy(c => c["global_head_dim"] = 512);
        Assert.That(Hidden(ModelPurpose.Generate, "cpu"), Is.EqualTo(Hidden(ModelPurpose.Generate, "reference")).Within(1e-3f));
    }

    [Test]
    public void Keys_and_values_that_a_reading_layer_carries_are_left_alone()
    {
        List<TensorToWrite> tensors = Tensors(Copy);
        foreach (string module in (string[])["k_proj", "v_proj", "k_norm"])
        {
            tensors.Add(tensors.Single(t => t.Name == $"model.layers.0.self_attn.{module}.weight") with
            {
                Name = $"model.layers.2.self_attn.{module}.weight",
            });
        }
        WriteConfig(_ => { });
        TensorsOnDisk.Write(_folder, Tensors(Copy));
        float[] expected = Logits();
        TensorsOnDisk.Write(_folder, tensors);
        Assert.That(Logits(), Is.EqualTo(expected));
    }

    [Test]
    public void The_last_layer_is_a_full_one_whatever_the_configuration_says()
    {
        WriteConfig(_ => { });
        TensorsOnDisk.Write(_folder, Tensors(Copy));
        float[] expected = Logits();
        WriteConfig(c => c["layer_types"]!.AsArray()[3] = "sliding_attention");
        Assert.That(Logits(), Is.EqualTo(expected));
    }

    [Test]
    public void What_configurations_leave_out_is_as_in_the_first_checkpoints()
    {
        WriteConfig(c =>
        {
            c.Remove("rope_parameters");
            c.Remove("hidden_activation");
            c.Remove("tie_word_embeddings");
            c.Remove("vocab_size_per_layer_input");
        });
        TensorsOnDisk.Write(_folder, Tensors(Copy));
        float[] found = Logits();
        WriteConfig(_ => { });
        Assert.That(found, Is.EqualTo(Logits()));
    }

    [Test]
    public void Proportional_positions_turn_a_leading_share_of_the_pairs_of_a_whole_head()
    {
        ModelConfig config = ModelConfig.Parse(File.ReadAllBytes(Path.Combine(Source, "config.json")));
        (double[] frequencies, double scale) = RopeTable.Frequencies(config.Rope(), config, 32, 512);
        double[] expected = [.. Enumerable.Range(0, 16).Select(i => i < 4 ? Math.Pow(1e6, -i / 16.0) : 0)];
        Assert.That(frequencies, Is.EqualTo(expected).Within(1e-12));
        Assert.That(scale, Is.EqualTo(1));
    }

    [Test]
    public void A_table_of_half_precision_stays_one_where_the_model_computes_in_full()
    {
        using CpuDevice device = new(new CpuDeviceOptions { NumThreads = 2 });
        ushort[] stored = [.. Enumerable.Range(0, 48 * 40).Select(i => (ushort)(0x3F00 + i))];
        TensorsOnDisk.Write(_folder, [TensorsOnDisk.Tensor("table", DType.BF16, [48, 40], stored)]);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(_folder, "model.safetensors"));
        LinearSource source = new() { Parts = [ModelBuilder.Part(file.Tensors["table"], 0, 48)], ComputeType = DType.F32 };
        using LinearWeight table = device.PackEmbedding(source);
        using DeviceBuffer rows = device.Allocate(2 * 40 * sizeof(float));
        device.Embed(rows.View(DType.F32, 2, 40), table, [47, 3], 1);
        float[] found = new float[2 * 40];
        device.Download(found, rows.View(DType.F32, 2, 40));
        Assert.That(table.Bytes, Is.EqualTo(48 * 40 * 2));
        Assert.That(device.PackedEmbeddingBytes(source), Is.EqualTo(table.Bytes));
        float[] expected = [.. new[] { 47, 3 }.SelectMany(r => Enumerable.Range(r * 40, 40))
            .Select(i => BitConverter.Int32BitsToSingle(stored[i] << 16))];
        Assert.That(found, Is.EqualTo(expected));
    }

    [TestCase("enable_moe_block", "true", "mixtures of experts")]
    [TestCase("num_kv_shared_layers", "4", "num_kv_shared_layers")]
    [TestCase("num_kv_shared_layers", "3", "layer 1's type")]
    [TestCase("num_global_key_value_heads", "3", "a divisor of 4")]
    [TestCase("use_bidirectional_attention", "\"some\"", "all, vision or null")]
    [TestCase("per_layer_config", "{}", "per_layer_config")]
    [TestCase("vocab_size_per_layer_input", "100", "vocab_size_per_layer_input")]
    public void What_is_not_this_model_is_refused_with_the_key(string key, string value, string message)
    {
        Dummy(c =>
        {
            c["attention_k_eq_v"] = true;
            c[key] = JsonNode.Parse(value);
        });
        Assert.That(
            () => Hidden(ModelPurpose.Generate, "reference"),
            Throws.TypeOf<EngineException>().With.Message.Contains(message));
    }

    private static bool IsFullValue(string name) => name == "model.layers.1.self_attn.v_proj.weight";

    private void Dummy(Action<JsonObject> edit) => WriteConfig(edit);

    private void WriteConfig(Action<JsonObject> edit)
    {
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(Source, "config.json")))!.AsObject();
        edit(config);
        File.WriteAllText(Path.Combine(_folder, "config.json"), config.ToJsonString());
    }

    // Made-up weights, of which every layer's are others.
    private float[] Hidden(ModelPurpose purpose, string device)
    {
        using IDevice on = device == "cpu" ? new CpuDevice(new CpuDeviceOptions { NumThreads = 2 }) : new ReferenceDevice();
        ModelConfig config = ModelConfig.Parse(
            File.ReadAllBytes(Path.Combine(_folder, "config.json")), purpose: purpose);
        using DummyWeights weights = new(1, DType.F32);
        ModelWeights loaded = ModelWeights.Load(config, on, weights, DType.F32, null, CancellationToken.None);
        using SingleRun run = new(loaded, 64, ownsWeights: true);
        return run.Hidden(Prompt);
    }

    private float[] Logits(bool onCpu = false)
    {
        using IDevice device = onCpu ? new CpuDevice() : new ReferenceDevice();
        using SingleRun run = SingleRun.Open(_folder, device);
        return run.Forward(Prompt, 0).Logits;
    }

    private static List<TensorToWrite> Tensors(Func<SafetensorsTensor, TensorToWrite?> change)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Source, "model.safetensors"));
        return [.. file.Tensors.Values.Select(change).OfType<TensorToWrite>()];
    }

    private static TensorToWrite Copy(SafetensorsTensor t) =>
        TensorsOnDisk.Tensor(t.Name, DType.F32, t.Shape, WeightSource.ReadVector(t));
}
