using System.Text.Json.Nodes;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Reference;
using Engine.Loading;
using Engine.Memory;
using Engine.Tests.Golden;
using Engine.Tests.Loading.Gguf;

namespace Engine.Tests.Models;

/// <summary>A model of the golden folders stored in other ways, or read as a family that is close to it.</summary>
internal sealed class CheckpointVariantTests
{
    private static readonly int[] Prompt = [1, 17, 250, 33, 90, 5, 311];
    private string _folder = "";

    private static string Source => Path.Combine(GoldenFolder.Committed, "llama-plain");

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-variants").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Shards_without_an_index_are_read()
    {
        WriteConfig(_ => { });
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Source, "model.safetensors"));
        List<TensorToWrite> tensors = [.. file.Tensors.Values.Select(Copy)];
        Write("model-00001-of-00002.safetensors", tensors[..5]);
        Write("model-00002-of-00002.safetensors", tensors[5..]);
        Assert.That(Logits(_folder), Is.EqualTo(Logits(Source)));
    }

    [Test]
    public void A_missing_shard_without_an_index_is_no_model()
    {
        WriteConfig(_ => { });
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Source, "model.safetensors"));
        Write("model-00001-of-00002.safetensors", [.. file.Tensors.Values.Select(Copy)]);
        Assert.That(() => Logits(_folder), Throws.TypeOf<EngineException>().With.Message.Contains("found neither"));
    }

    [Test]
    public void A_decoder_saved_without_its_head_has_no_prefix()
    {
        WriteConfig(c => c["tie_word_embeddings"] = true);
        Rewrite(t => t.Name == "lm_head.weight" ? null : Copy(t) with { Name = t.Name.Replace("model.", "") });
        float[] bare = Logits(_folder);
        Rewrite(t => t.Name == "lm_head.weight" ? null : Copy(t));
        Assert.That(bare, Is.EqualTo(Logits(_folder)));
    }

    [Test]
    public void The_first_architecture_that_is_known_counts()
    {
        WriteConfig(c => c["architectures"] = new JsonArray("MyOwnForCausalLM", "LlamaForCausalLM"));
        File.Copy(Path.Combine(Source, "model.safetensors"), Path.Combine(_folder, "model.safetensors"));
        Assert.That(Logits(_folder), Is.EqualTo(Logits(Source)));
    }

    [Test]
    public void Architectures_of_which_none_is_known_are_refused_by_the_first()
    {
        WriteConfig(c => c["architectures"] = new JsonArray("MyOwnForCausalLM", "OtherForCausalLM"));
        File.Copy(Path.Combine(Source, "model.safetensors"), Path.Combine(_folder, "model.safetensors"));
        Assert.That(
            () => Logits(_folder), Throws.TypeOf<EngineException>().With.Message.Contains("\"MyOwnForCausalLM\""));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Weights_may_be_doubles(bool onCpu)
    {
        WriteConfig(_ => { });
        Rewrite(t =>
        {
            double[] values = [.. WeightSource.ReadVector(t).Select(v => (double)v)];
            return new TensorToWrite(
                t.Name, DType.F64, t.Shape, 1,
                (_, to) => System.Runtime.InteropServices.MemoryMarshal.AsBytes<double>(values).CopyTo(to));
        });
        Assert.That(Logits(_folder, onCpu), Is.EqualTo(Logits(Source, onCpu)));
    }

    [TestCase(1)]
    [TestCase(2)]
    public void A_tensor_in_two_shards_is_the_one_that_the_index_names(int shard)
    {
        WriteConfig(_ => { });
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Source, "model.safetensors"));
        List<TensorToWrite> tensors = [.. file.Tensors.Values.Select(Copy)];
        TensorToWrite wrong = tensors[0] with { Write = (_, to) => to.Clear() };
        Write("a.safetensors", [shard == 1 ? tensors[0] : wrong, .. tensors[1..5]]);
        Write("b.safetensors", [shard == 2 ? tensors[0] : wrong, .. tensors[5..]]);
        JsonObject map = new() { [tensors[0].Name] = shard == 1 ? "a.safetensors" : "b.safetensors" };
        for (int i = 1; i < tensors.Count; i++) map[tensors[i].Name] = i < 5 ? "a.safetensors" : "b.safetensors";
        JsonObject index = new() { ["weight_map"] = map };
        File.WriteAllText(Path.Combine(_folder, "model.safetensors.index.json"), index.ToJsonString());
        Assert.That(Logits(_folder), Is.EqualTo(Logits(Source)));
    }

    // Computed in float64 from the formulas alone: norms without parameters, q, k and v clipped to 1.5.
    [Test]
    public void Olmo_has_norms_without_parameters_and_clips_queries_keys_and_values()
    {
        WriteConfig(c =>
        {
            c["architectures"] = new JsonArray("OlmoForCausalLM");
            c["clip_qkv"] = 1.5;
        });
        Rewrite(t => t.Name.Contains("norm") ? null : Copy(t));
        float[] expected = [-1.53903f, -0.38591f, 4.22876f, 1.92566f, -3.68657f, 2.48602f, -6.28463f, -0.43546f];
        Assert.That(Logits(_folder)[..8], Is.EqualTo(expected).Within(3e-5f));
    }

    [Test]
    public void Olmo_of_a_gguf_file_is_that_of_its_checkpoint()
    {
        WriteConfig(c =>
        {
            c["architectures"] = new JsonArray("OlmoForCausalLM");
            c["clip_qkv"] = 1.5;
            c["num_attention_heads"] = 2;
            c["num_key_value_heads"] = 1;
            c["num_hidden_layers"] = 1;
            c["hidden_size"] = 16;
            c["head_dim"] = 8;
            c["intermediate_size"] = 32;
            c["vocab_size"] = TinyGguf.Vocab;
            c["tie_word_embeddings"] = true;
        });
        GgufWriter gguf = TinyGguf.Metadata("olmo").Real("olmo.attention.layer_norm_epsilon", 1e-5f)
            .Real("olmo.attention.clamp_kqv", 1.5f).Tokens(TinyGguf.Vocab);
        List<TensorToWrite> tensors = [];
        foreach ((string name, long[] shape) in TinyGguf.Tensors.Where(t => !t.Name.Contains("norm")))
        {
            // Large enough to be clipped.
            float[] values = [.. TinyGguf.Values(name, shape).Select(v => 4 * v)];
            tensors.Add(new TensorToWrite(
                OlmoNames[name], DType.F32, shape, 1,
                (_, to) => System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values).CopyTo(to)));
            gguf.Tensor(name, shape, name.Contains("attn_q") || name.Contains("attn_k") ? Paired(values, shape) : values);
        }
        Write("model.safetensors", tensors);
        string file = Path.Combine(_folder, "model.gguf");
        File.WriteAllBytes(file, gguf.ToBytes());
        using ReferenceDevice device = new();
        using SingleRun fromFolder = SingleRun.Open(_folder, device);
        using SingleRun fromFile = GgufRun.Open(file, device);
        int[] prompt = [3, 1, 4, 1, 5, 9];
        Assert.That(fromFile.Forward(prompt, 0).Logits, Is.EqualTo(fromFolder.Forward(prompt, 0).Logits).Within(1e-5f));
    }

    private static readonly Dictionary<string, string> OlmoNames = new()
    {
        ["token_embd.weight"] = "model.embed_tokens.weight",
        ["blk.0.attn_q.weight"] = "model.layers.0.self_attn.q_proj.weight",
        ["blk.0.attn_k.weight"] = "model.layers.0.self_attn.k_proj.weight",
        ["blk.0.attn_v.weight"] = "model.layers.0.self_attn.v_proj.weight",
        ["blk.0.attn_output.weight"] = "model.layers.0.self_attn.o_proj.weight",
        ["blk.0.ffn_gate.weight"] = "model.layers.0.mlp.gate_proj.weight",
        ["blk.0.ffn_up.weight"] = "model.layers.0.mlp.up_proj.weight",
        ["blk.0.ffn_down.weight"] = "model.layers.0.mlp.down_proj.weight",
    };

    // Rows i and i + 4 of a head of 8 side by side, as the converter lays them.
    private static float[] Paired(float[] values, long[] shape)
    {
        int width = (int)shape[1];
        float[] paired = new float[values.Length];
        for (int row = 0; row < shape[0]; row++)
        {
            int from = (row / 8 * 8) + (row % 2 * 4) + (row % 8 / 2);
            values.AsSpan(from * width, width).CopyTo(paired.AsSpan(row * width, width));
        }
        return paired;
    }

    [Test]
    public void Bloom_may_call_its_width_n_embed()
    {
        JsonObject config = JsonNode.Parse(
            File.ReadAllText(Path.Combine(GoldenFolder.Committed, "bloom", "config.json")))!.AsObject();
        config["n_embed"] = config["hidden_size"]!.DeepClone();
        config.Remove("hidden_size");
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(config.ToJsonString());
        Assert.That(Engine.Models.ModelConfig.Parse(bytes).HiddenSize, Is.EqualTo((int)config["n_embed"]!));
    }

    private static float[] Logits(string folder, bool onCpu = false)
    {
        using IDevice device = onCpu ? new CpuDevice() : new ReferenceDevice();
        using SingleRun run = SingleRun.Open(folder, device);
        (_, float[] logits) = run.Forward(Prompt, 0);
        return logits[^(logits.Length / Prompt.Length)..];
    }

    private void WriteConfig(Action<JsonObject> edit)
    {
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(Source, "config.json")))!.AsObject();
        edit(config);
        File.WriteAllText(Path.Combine(_folder, "config.json"), config.ToJsonString());
    }

    private void Rewrite(Func<SafetensorsTensor, TensorToWrite?> change)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Source, "model.safetensors"));
        Write("model.safetensors", [.. file.Tensors.Values.Select(change).OfType<TensorToWrite>()]);
    }

    private void Write(string name, List<TensorToWrite> tensors)
    {
        using FileStream stream = File.Create(Path.Combine(_folder, name));
        SafetensorsWriter.Write(stream, tensors, _ => { }, CancellationToken.None);
    }

    private static unsafe TensorToWrite Copy(SafetensorsTensor t) => new(
        t.Name, t.Type, t.Shape, 1, (_, to) => new Span<byte>((void*)t.Address, (int)t.Bytes).CopyTo(to));
}
