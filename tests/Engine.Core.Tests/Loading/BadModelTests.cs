using System.Text.Json.Nodes;
using Engine.Hosting;
using Engine.Tests.Golden;

namespace Engine.Tests.Loading;

/// <summary>Model folders with something wrong: the error names it, and the process goes on.</summary>
[TestFixture]
internal sealed class BadModelTests
{
    private string _folder = "";

    [SetUp]
    public void CopyModel() => Copy("llama-plain");

    [TearDown]
    public void DeleteModel() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void The_copy_itself_loads()
    {
        using LoadedModel model = Load();
        Assert.That(model.Config.Architecture, Is.EqualTo("LlamaForCausalLM"));
    }

    [Test]
    public void An_unknown_architecture_is_named_with_those_that_are_known()
    {
        EditConfig(c => c["architectures"] = new JsonArray("NoSuchModel"));
        EngineException e = Fails(EngineStatus.Unsupported);
        Assert.That(e.Message, Does.Contain("NoSuchModel").And.Contains("LlamaForCausalLM"));
    }

    [Test]
    public void A_missing_tensor_is_named_with_file_and_shape()
    {
        EditConfig(c => c["num_hidden_layers"] = 3);
        EngineException e = Fails(EngineStatus.CorruptData);
        Assert.That(e.Message, Does.Contain("model.safetensors").And.Contains("model.layers.2.").And.Contains("[64]"));
    }

    [Test]
    public void A_wrong_shape_is_named_with_expected_and_found()
    {
        EditConfig(c => c["intermediate_size"] = 80);
        EngineException e = Fails(EngineStatus.CorruptData);
        Assert.That(e.Message, Does.Contain("gate_proj").And.Contains("expected shape [80, 64], found [72, 64]"));
    }

    [Test]
    public void A_tensor_that_the_model_does_not_use_is_named()
    {
        EditConfig(c => c["num_hidden_layers"] = 1);
        EngineException e = Fails(EngineStatus.CorruptData);
        Assert.That(e.Message, Does.Contain("model.layers.1.").And.Contains("does not use"));
    }

    [TestCase("vocab_size", "\"x\"")]
    [TestCase("hidden_size", "0")]
    [TestCase("hidden_size", "-64")]
    [TestCase("hidden_size", "1e300")]
    [TestCase("num_attention_heads", "2.5")]
    [TestCase("num_key_value_heads", "3")]
    [TestCase("num_hidden_layers", "1000000000")]
    [TestCase("rms_norm_eps", "\"small\"")]
    [TestCase("rope_theta", "-1")]
    [TestCase("rope_scaling", "{\"rope_type\":\"magic\"}")]
    [TestCase("rope_scaling", "{\"rope_type\":\"linear\"}")]
    [TestCase("rope_scaling", "{\"rope_type\":\"linear\",\"factor\":0}")]
    [TestCase("rope_scaling", "[]")]
    [TestCase("hidden_act", "\"softplus\"")]
    [TestCase("torch_dtype", "\"int8\"")]
    [TestCase("eos_token_id", "320")]
    [TestCase("eos_token_id", "[2,\"x\"]")]
    [TestCase("max_position_embeddings", "0")]
    [TestCase("architectures", "[]")]
    [TestCase("attention_bias", "1")]
    public void A_wrong_field_of_the_configuration_is_named(string key, string value)
    {
        EditConfig(c => c[key] = JsonNode.Parse(value));
        EngineException e = Assert.Throws<EngineException>(() => Load())!;
        string named = key == "rope_scaling" ? "rope" : key;
        Assert.That(e.Message, Does.StartWith("config.json").And.Contains(named.Replace("rope", "")));
    }

    [Test]
    public void An_unknown_quantization_is_refused_by_name()
    {
        EditConfig(c => c["quantization_config"] = new JsonObject { ["quant_method"] = "quark" });
        Assert.That(Fails(EngineStatus.Unsupported).Message, Does.Contain("quark"));
    }

    [Test]
    public void A_configuration_nested_too_deep_is_an_error()
    {
        File.WriteAllText(Path.Combine(_folder, "config.json"), new string('[', 100_000));
        Fails(EngineStatus.CorruptData);
    }

    [Test]
    public void A_model_file_cut_anywhere_is_an_error()
    {
        string path = Path.Combine(_folder, "model.safetensors");
        byte[] whole = File.ReadAllBytes(path);
        Random random = new(1);
        for (int i = 0; i < 200; i++)
        {
            File.WriteAllBytes(path, whole[..random.Next(whole.Length)]);
            Fails(EngineStatus.CorruptData);
        }
    }

    [Test]
    public void Mutated_model_files_load_or_are_refused_but_never_crash()
    {
        int seed = TestContext.CurrentContext.Random.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        Random random = new(seed);
        string path = Path.Combine(_folder, "model.safetensors");
        byte[] whole = File.ReadAllBytes(path);
        for (int i = 0; i < 200; i++)
        {
            byte[] file = [.. whole];
            for (int n = random.Next(1, 4); n > 0; n--) file[random.Next(2500)] = (byte)random.Next(256);
            File.WriteAllBytes(path, file);
            try
            {
                Load().Dispose();
            }
            catch (EngineException e)
            {
                Assert.That(e.Message, Is.Not.Empty);
            }
        }
    }

    [Test]
    public void A_folder_without_weights_says_which_files_were_expected()
    {
        File.Delete(Path.Combine(_folder, "model.safetensors"));
        File.WriteAllText(Path.Combine(_folder, "pytorch_model.bin"), "pickle");
        Assert.That(Fails(EngineStatus.NotFound).Message, Does.Contain("model.safetensors"));
    }

    [Test]
    public void A_folder_that_is_not_there_is_not_found()
    {
        EngineException e = Assert.Throws<EngineException>(
            () => LoadedModel.Load(new ModelLoadOptions { Model = Path.Combine(_folder, "no", "such") }))!;
        Assert.That(e.Status, Is.EqualTo(EngineStatus.NotFound));
    }

    [TestCase("../model.safetensors")]
    [TestCase("/etc/hosts")]
    [TestCase("..")]
    [TestCase("")]
    [TestCase("sub/model.safetensors")]
    public void An_index_that_leads_out_of_the_folder_is_refused(string shard)
    {
        WriteIndex(shard);
        Fails(EngineStatus.CorruptData);
    }

    [Test]
    public void A_shard_that_links_out_of_the_folder_is_refused()
    {
        string elsewhere = Path.GetTempFileName();
        try
        {
            File.Copy(Path.Combine(_folder, "model.safetensors"), elsewhere, overwrite: true);
            File.CreateSymbolicLink(Path.Combine(_folder, "shard.safetensors"), elsewhere);
            WriteIndex("shard.safetensors");
            Assert.That(Fails(EngineStatus.CorruptData).Message, Does.Contain("leads out"));
        }
        finally
        {
            File.Delete(elsewhere);
        }
    }

    [Test]
    public void An_index_whose_shard_lacks_the_tensor_names_both()
    {
        Copy("llama-sharded");
        string path = Path.Combine(_folder, "model.safetensors.index.json");
        JsonNode index = JsonNode.Parse(File.ReadAllText(path))!;
        index["weight_map"]!["model.norm.weight"] = "model-00001-of-00003.safetensors";
        File.WriteAllText(path, index.ToJsonString());
        Assert.That(
            Fails(EngineStatus.CorruptData).Message,
            Does.Contain("model.norm.weight").And.Contains("model-00001-of-00003.safetensors"));
    }

    [Test]
    public void A_missing_shard_is_not_found()
    {
        Copy("llama-sharded");
        File.Delete(Path.Combine(_folder, "model-00002-of-00003.safetensors"));
        Assert.That(Fails(EngineStatus.NotFound).Message, Does.Contain("model-00002-of-00003.safetensors"));
    }

    [TestCase("dtype")]
    [TestCase("load_format")]
    [TestCase("device")]
    [TestCase("max_model_len")]
    public void A_bad_option_is_named(string option)
    {
        ModelLoadOptions options = new()
        {
            Model = _folder,
            Dtype = option == "dtype" ? "int3" : "auto",
            LoadFormat = option == "load_format" ? "pickle" : "auto",
            Device = option == "device" ? "abacus" : "reference",
            MaxModelLen = option == "max_model_len" ? 100_000 : null,
        };
        EngineException e = Assert.Throws<EngineException>(() => LoadedModel.Load(options))!;
        Assert.That(e.Status, Is.EqualTo(EngineStatus.InvalidArgument));
        Assert.That(e.Parameter, Is.EqualTo(option));
    }

    [Test]
    public void A_cancelled_load_says_so()
    {
        EngineException e = Assert.Throws<EngineException>(() => LoadedModel.Load(
            new ModelLoadOptions { Model = _folder, Device = "reference" }, new CancellationToken(true)))!;
        Assert.That(e.Status, Is.EqualTo(EngineStatus.Cancelled));
    }

    [Test]
    public void A_model_through_a_linked_folder_and_the_hubs_blobs_loads()
    {
        string snapshot = Path.Combine(_folder, "models--a--b", "snapshots", "c0ffee");
        string blobs = Path.Combine(_folder, "models--a--b", "blobs");
        Directory.CreateDirectory(snapshot);
        Directory.CreateDirectory(blobs);
        foreach (string name in (string[])["config.json", "model.safetensors"])
        {
            File.Move(Path.Combine(_folder, name), Path.Combine(blobs, name + ".blob"));
            File.CreateSymbolicLink(Path.Combine(snapshot, name), $"../../blobs/{name}.blob");
        }
        string link = Path.Combine(_folder, "link");
        Directory.CreateSymbolicLink(link, snapshot);
        using LoadedModel model = LoadedModel.Load(new ModelLoadOptions { Model = link, Device = "reference" });
        Assert.That(model.Config.NumLayers, Is.EqualTo(2));
    }

    private LoadedModel Load() =>
        LoadedModel.Load(new ModelLoadOptions { Model = _folder, Device = "reference" });

    private EngineException Fails(EngineStatus status)
    {
        EngineException e = Assert.Throws<EngineException>(() => Load())!;
        Assert.That(e.Status, Is.EqualTo(status), e.Message);
        return e;
    }

    private void Copy(string name)
    {
        if (_folder.Length > 0 && Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
        _folder = Directory.CreateTempSubdirectory("engine-test-").FullName;
        foreach (string path in Directory.GetFiles(Path.Combine(GoldenFolder.Committed, name)))
        {
            File.Copy(path, Path.Combine(_folder, Path.GetFileName(path)));
        }
    }

    private void EditConfig(Action<JsonNode> edit)
    {
        string path = Path.Combine(_folder, "config.json");
        JsonNode config = JsonNode.Parse(File.ReadAllText(path))!;
        edit(config);
        File.WriteAllText(path, config.ToJsonString());
    }

    private void WriteIndex(string shard)
    {
        JsonObject index = new() { ["weight_map"] = new JsonObject { ["model.norm.weight"] = shard } };
        File.WriteAllText(Path.Combine(_folder, "model.safetensors.index.json"), index.ToJsonString());
        File.Delete(Path.Combine(_folder, "model.safetensors"));
    }
}
