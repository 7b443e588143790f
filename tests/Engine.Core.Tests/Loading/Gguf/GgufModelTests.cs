using Engine.Devices.Reference;
using Engine.Hosting;
using Engine.Loading;
using Engine.Loading.Gguf;
using Engine.Tests.Golden;

namespace Engine.Tests.Loading.Gguf;

internal sealed class GgufModelTests
{
    private static readonly int[] Prompt = [3, 1, 4, 1, 5, 9, 2, 6];
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-gguf-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string Save(GgufWriter writer, string name = "model.gguf") => Save(writer.ToBytes(), name);

    private string Save(byte[] content, string name = "model.gguf")
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    private static EngineException Fails(string path) =>
        Assert.Throws<EngineException>(() => LoadedModel.Load(new ModelLoadOptions { Model = path }).Dispose())!;

    private static float[] Logits(string path)
    {
        using ReferenceDevice device = new();
        using SingleRun run = GgufRun.Open(path, device);
        return run.Forward(Prompt, 0).Logits;
    }

    [Test]
    public void AFolderThatHoldsOnlyOneModelIsThatModel()
    {
        Save(TinyGguf.Model());
        Save([1, 2, 3], "mmproj-model.gguf");
        using LoadedModel model = LoadedModel.Load(new ModelLoadOptions { Model = _folder });
        Assert.That(model.Config.Architecture, Is.EqualTo("LlamaForCausalLM"));
        Assert.That(model.Tokenizer!.VocabSize, Is.EqualTo(TinyGguf.Vocab));
    }

    [Test]
    public void AFolderOfSeveralModelsAsksForOne()
    {
        Save(TinyGguf.Model(), "a-Q4_0.gguf");
        Save(TinyGguf.Model(), "a-Q8_0.gguf");
        EngineException e = Fails(_folder);
        Assert.That(e.Status, Is.EqualTo(EngineStatus.InvalidArgument));
        Assert.That(e.Message, Does.Contain("a-Q4_0.gguf, a-Q8_0.gguf"));
    }

    [Test]
    public void AnUnknownArchitectureIsNamed()
    {
        EngineException e = Fails(Save(TinyGguf.Metadata("rwkv7").Tokens(TinyGguf.Vocab).AddTensors()));
        Assert.That(e.Status, Is.EqualTo(EngineStatus.Unsupported));
        Assert.That(e.Message, Does.Contain("general.architecture").And.Contain("\"rwkv7\""));
    }

    [Test]
    public void ExpertsAreRefused()
    {
        GgufWriter writer = TinyGguf.Metadata().Integer("llama.expert_count", 8).Tokens(TinyGguf.Vocab).AddTensors();
        Assert.That(Fails(Save(writer)).Message, Does.Contain("mixtures of experts"));
    }

    [Test]
    public void AMissingTensorIsNamedAsTheFileWouldNameIt()
    {
        EngineException e = Fails(Save(TinyGguf.Metadata().Tokens(TinyGguf.Vocab)
            .AddTensors(n => n != "blk.0.ffn_up.weight")));
        Assert.That(e.Status, Is.EqualTo(EngineStatus.CorruptData));
        Assert.That(e.Message, Does.Contain("blk.0.ffn_up.weight").And.Contain("[32, 16]"));
    }

    [Test]
    public void ATensorThatTheModelHasNoUseForIsAnError()
    {
        GgufWriter writer = TinyGguf.Metadata().Tokens(TinyGguf.Vocab).AddTensors();
        EngineException e = Fails(Save(writer.Tensor("blk.0.attn_q_norm.weight", [8], new float[8])));
        Assert.That(e.Message, Does.Contain("blk.0.attn_q_norm.weight").And.Contain("does not use"));
    }

    [Test]
    public void AWrongShapeIsAnError()
    {
        GgufWriter writer = TinyGguf.Metadata().Tokens(TinyGguf.Vocab).AddTensors(n => n != "blk.0.attn_k.weight");
        EngineException e = Fails(Save(writer.Tensor("blk.0.attn_k.weight", [4, 16], new float[64])));
        Assert.That(e.Message, Does.Contain("blk.0.attn_k.weight").And.Contain("[8, 16]").And.Contain("[4, 16]"));
    }

    [Test]
    public void AMissingKeyIsNamed()
    {
        GgufWriter writer = new GgufWriter().Text("general.architecture", "llama").Integer("llama.block_count", 1);
        Assert.That(Fails(Save(writer)).Message, Does.Contain("llama.embedding_length"));
    }

    [Test]
    public void QueriesKeysAndValuesFusedInTheFileGiveTheSameLogits()
    {
        string plain = Save(TinyGguf.Model(), "plain.gguf");
        List<float> all = [];
        foreach (string part in (string[])["q", "k", "v"])
        {
            (string name, long[] shape) = TinyGguf.Tensors.Single(t => t.Name == $"blk.0.attn_{part}.weight");
            all.AddRange(TinyGguf.Values(name, shape));
        }
        GgufWriter fused = TinyGguf.Metadata().Tokens(TinyGguf.Vocab).AddTensors(
            n => n is not ("blk.0.attn_q.weight" or "blk.0.attn_k.weight" or "blk.0.attn_v.weight"));
        fused.Tensor("blk.0.attn_qkv.weight", [32, 16], [.. all]);
        Assert.That(Logits(Save(fused, "fused.gguf")), Is.EqualTo(Logits(plain)));
    }

    [Test]
    public void TheEndTokensAreTheNamedOnesAndControlTokensThatEndATurn()
    {
        string[] tokens = ["t", "1", .. Enumerable.Range(1, 34).Select(i => $"t{i}"), "<|im_end|>", "<|eot_id|>", "a", "b"];
        int[] kinds = [.. Enumerable.Repeat(1, 36), 3, 1, 1, 1];
        GgufWriter writer = TinyGguf.Metadata().Text("tokenizer.ggml.model", "gpt2").Text("tokenizer.ggml.pre", "gpt-2")
            .Texts("tokenizer.ggml.tokens", tokens).Integers("tokenizer.ggml.token_type", kinds)
            .Texts("tokenizer.ggml.merges", ["t 1"]).Integer("tokenizer.ggml.eos_token_id", 7)
            .Integer("tokenizer.ggml.eot_token_id", 8).AddTensors();
        using LoadedModel model = LoadedModel.Load(new ModelLoadOptions { Model = Save(writer) });
        Assert.That(model.EosTokenIds, Is.EqualTo(new[] { 7, 8, 36 }));
    }

    [Test]
    public void ASentencePieceFileWithoutIdsHasTheUsualOnes()
    {
        string[] tokens = ["<unk>", "<s>", "</s>", .. Enumerable.Range(3, 37).Select(i => $"t{i}")];
        GgufWriter writer = TinyGguf.Metadata().Text("tokenizer.ggml.model", "llama")
            .Texts("tokenizer.ggml.tokens", tokens)
            .Integers("tokenizer.ggml.token_type", [2, 3, 3, .. Enumerable.Repeat(1, 37)]).AddTensors();
        using LoadedModel model = LoadedModel.Load(new ModelLoadOptions { Model = Save(writer) });
        Assert.That(model.EosTokenIds, Is.EqualTo(new[] { 2 }));
        Assert.That(model.Tokenizer!.Encode("")[0], Is.EqualTo(1));
    }

    [Test]
    public void ChatTemplatesAndSamplingDefaultsComeFromTheMetadata()
    {
        GgufWriter writer = TinyGguf.Metadata().Tokens(TinyGguf.Vocab)
            .Text("tokenizer.chat_template", "plain").Texts("tokenizer.chat_templates", ["tool_use"])
            .Text("tokenizer.chat_template.tool_use", "tools")
            .Real("general.sampling.temp", 0.5f).Integer("general.sampling.top_k", 20).AddTensors();
        using LoadedModel model = LoadedModel.Load(new ModelLoadOptions { Model = Save(writer) });
        Assert.That(model.ChatTemplate!.Source, Is.EqualTo("plain"));
        Assert.That(model.ChatTemplates["tool_use"].Source, Is.EqualTo("tools"));
        Assert.That(model.GenerationDefaults.Temperature, Is.EqualTo(0.5f));
        Assert.That(model.GenerationDefaults.TopK, Is.EqualTo(20));
    }

    [Test]
    public void AKeyPerLayerCountsWhereAllLayersAreAlike()
    {
        GgufWriter writer = new GgufWriter().Text("general.architecture", "llama").Integer("llama.block_count", 1)
            .Integer("llama.context_length", 64).Integer("llama.embedding_length", 16)
            .Integers("llama.attention.head_count", [2]).Integers("llama.attention.head_count_kv", [1])
            .Real("llama.attention.layer_norm_rms_epsilon", 1e-5f).Tokens(TinyGguf.Vocab).AddTensors();
        Assert.That(Logits(Save(writer, "layers.gguf")), Is.EqualTo(Logits(Save(TinyGguf.Model(), "plain.gguf"))));
    }

    private string[] SaveShards(int number = 1, int count = 2, int tensors = 11)
    {
        string[] first = ["token_embd.weight", "blk.0.attn_q.weight"];
        GgufWriter a = TinyGguf.Metadata().Tokens(TinyGguf.Vocab).Short("split.no", 0).Short("split.count", 2)
            .Integer("split.tensors.count", (uint)tensors).AddTensors(first.Contains);
        GgufWriter b = new GgufWriter().Short("split.no", (ushort)number).Short("split.count", (ushort)count)
            .Integer("split.tensors.count", (uint)tensors).AddTensors(n => !first.Contains(n));
        return [Save(a, "m-00001-of-00002.gguf"), Save(b, "m-00002-of-00002.gguf")];
    }

    [Test]
    public void AnyShardOpensTheWholeModel()
    {
        float[] expected = Logits(Save(TinyGguf.Model()));
        foreach (string shard in SaveShards()) Assert.That(Logits(shard), Is.EqualTo(expected), shard);
    }

    [TestCase(0, 2, 11, "split.no")]
    [TestCase(1, 3, 11, "split.count")]
    [TestCase(1, 2, 12, "split.tensors.count")]
    public void ShardsThatDisagreeAreRefused(int number, int count, int tensors, string key) =>
        Assert.That(Fails(SaveShards(number, count, tensors)[0]).Message, Does.Contain(key));

    [Test]
    public void AMissingShardIsNamed()
    {
        string[] shards = SaveShards();
        File.Delete(shards[1]);
        EngineException e = Fails(shards[0]);
        Assert.That(e.Status, Is.EqualTo(EngineStatus.NotFound));
        Assert.That(e.Message, Does.Contain("m-00002-of-00002.gguf"));
    }

    [Test]
    public void AShardUnderAnotherNameIsRefused()
    {
        string[] shards = SaveShards();
        string renamed = Path.Combine(_folder, "renamed.gguf");
        File.Copy(shards[0], renamed);
        Assert.That(Fails(renamed).Message, Does.Contain("split.count"));
    }

    [Test]
    public void ThePlanIsWhatIsThenAllocated()
    {
        foreach (string name in (string[])["gguf-Q4_K_M-mix", "gguf-Q4_0", "gguf-qwen2-Q8_0", "gguf-split"])
        {
            string path = Path.Combine(TestPaths.Data, "quantized", name);
            ModelLoadOptions load = new() { Model = path };
            MemoryPlan plan = MemoryPlan.Compute(load, new EngineOptions { NumBlocks = 8 });
            using LoadedModel model = LoadedModel.Load(load);
            Assert.That(plan.WeightBytes, Is.EqualTo(model.WeightBytes), name);
        }
    }
}
