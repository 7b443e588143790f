using System.Text;
using Engine.Loading;
using Engine.Memory;
using static Engine.Tests.Quantization.TensorsOnDisk;

namespace Engine.Tests.Quantization;

/// <summary>
/// Quantized layers that would load as something else than was written: refused, with the tensor or key that is wrong.
/// </summary>
internal sealed class BadQuantizationTests
{
    private const int N = 64;
    private const int K = 256;
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-bad-quantization").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase("""{"quant_method": "gptq", "bits": 5}""", "bits", "5")]
    [TestCase("""{"quant_method": "gptq", "bits": "4"}""", "bits", "\"4\"")]
    [TestCase("""{"quant_method": "gptq", "bits": 4, "group_size": 0}""", "group_size", "0")]
    [TestCase("""{"quant_method": "gptq", "bits": 4, "dynamic": {"+:a": {"bits": 6}}}""", "bits", "6")]
    [TestCase("""{"quant_method": "awq", "bits": 8}""", "bits", "8")]
    [TestCase("""{"quant_method": "awq", "w_bit": 3}""", "w_bit", "3")]
    [TestCase("""{"quant_method": "awq", "bits": 4, "zero_point": false}""", "zero_point", "false")]
    [TestCase("""{"quant_method": "awq", "bits": 4, "version": "marlin"}""", "version", "marlin")]
    [TestCase("""{"load_in_4bit": true, "bnb_4bit_quant_type": "int4"}""", "bnb_4bit_quant_type", "int4")]
    [TestCase("""{"quant_method": "fp8", "activation_scheme": "sometimes"}""", "activation_scheme", "sometimes")]
    [TestCase("""{"quant_method": "fp8", "fmt": "e5m2"}""", "fmt", "e5m2")]
    [TestCase("""{"quant_method": "fp8", "weight_block_size": [128, 0]}""", "weight_block_size", "[128, 0]")]
    [TestCase("""{"quant_method": "modelopt", "quant_algo": "W4A16_AWQ"}""", "quant_algo", "W4A16_AWQ")]
    [TestCase("""{"quantization": {"quant_algo": "INT8_SQ"}, "quant_method": "modelopt"}""", "quant_algo", "INT8_SQ")]
    [TestCase("""{"quant_method": "modelopt", "quantized_layers": {"a": {"quant_algo": "NVFP4_AWQ"}}}""",
        "quantized_layers.a.quant_algo", "NVFP4_AWQ")]
    [TestCase("""{"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"num_bits": 12}}}}""",
        "num_bits", "12")]
    [TestCase("""{"quant_method": "compressed-tensors", "config_groups": {"g": {"format": "marlin-24"}}}""",
        "config_groups.g.format", "marlin-24")]
    [TestCase("""{"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"actorder": "rows"}}}}""",
        "config_groups.g.weights.actorder", "rows")]
    [TestCase("""{"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"strategy": "row"}}}}""",
        "config_groups.g.weights.strategy", "row")]
    [TestCase("""
        {"quant_method": "compressed-tensors",
         "config_groups": {"g": {"weights": null, "input_activations": {"num_bits": 8}}}}
        """, "config_groups.g.weights", "none")]
    public void Fields_with_values_that_are_not_read_are_refused_by_name(string config, string key, string found)
    {
        Write(config, [Tensor("m.weight", DType.F32, [1, 1], new float[1])]);
        Assert.That(Open, Fails(EngineStatus.Unsupported, key, found));
    }

    [TestCase("hqq")]
    [TestCase("aqlm")]
    [TestCase("quark")]
    [TestCase("torchao")]
    [TestCase("eetq")]
    [TestCase("mxfp4")]
    [TestCase("quip")]
    [TestCase("spqr")]
    [TestCase("vptq")]
    [TestCase("higgs")]
    [TestCase("bitnet")]
    [TestCase("fp_quant")]
    [TestCase("exl3")]
    [TestCase("")]
    public void Other_methods_are_refused_by_name(string method)
    {
        Write($$"""{"quant_method": "{{method}}"}""", [Tensor("m.weight", DType.F32, [1, 1], new float[1])]);
        Assert.That(Open, Fails(EngineStatus.Unsupported, "quant_method", $"\"{method}\""));
    }

    [TestCase("qweight")]
    [TestCase("qzeros")]
    [TestCase("scales")]
    [TestCase("g_idx")]
    public void GPTQ_without_one_of_its_tensors_names_it(string missing)
    {
        const string config = """{"quant_method": "gptq", "bits": 4, "group_size": 64, "desc_act": true}""";
        Write(config, [.. Gptq(4).Where(t => t.Name != "m." + missing)]);
        Assert.That(Layer, Fails(EngineStatus.CorruptData, missing == "qweight" ? "m.weight" : "m." + missing));
    }

    [TestCase("""{"bits": 4, "desc_act": true, "dynamic": {"-:n": {}, "m": {"desc_act": false}}}""", false)]
    [TestCase("""{"bits": 4, "desc_act": false, "dynamic": {"+:m": {"desc_act": true}}}""", true)]
    [TestCase("""{"bits": 4, "desc_act": true, "dynamic": {"+:.*x": {"desc_act": false}}}""", true)]
    public void Dynamic_rules_say_which_layers_need_their_order(string config, bool isNeeded)
    {
        Write("""{"quant_method": "gptq", """ + config[1..], [.. Gptq(4).Where(t => t.Name != "m.g_idx")]);
        if (isNeeded) Assert.That(Layer, Fails(EngineStatus.CorruptData, "m.g_idx"));
        else Assert.That(Layer, Throws.Nothing);
    }

    [Test]
    public void Groups_that_do_not_fill_the_inputs_are_refused()
    {
        Write(
            """{"quant_method": "gptq", "bits": 4, "group_size": 128}""",
            [.. Gptq(3).Where(t => t.Name != "m.g_idx")]);
        Assert.That(Layer, Fails(EngineStatus.CorruptData, "m.scales", "[3, 64]"));
    }

    [TestCase(-1)]
    [TestCase(4)]
    public void Groups_of_inputs_that_are_none_are_refused(int group)
    {
        int[] groups = new int[K];
        groups[17] = group;
        Write(
            """{"quant_method": "gptq", "bits": 4}""",
            [.. Gptq(4).Where(t => t.Name != "m.g_idx"), Tensor("m.g_idx", DType.I32, [K], groups)]);
        Assert.That(Layer, Fails(EngineStatus.CorruptData, "m.g_idx", $"{group}"));
    }

    [TestCase("gptq", "m.scales")]
    [TestCase("awq", "m.scales")]
    [TestCase("pack-quantized", "m.weight_scale")]
    [TestCase("int-quantized", "m.weight_scale")]
    [TestCase("nvfp4-pack-quantized", "m.weight_scale")]
    [TestCase("mxfp4-pack-quantized", "m.weight_scale")]
    [TestCase("bnb", "m.weight.absmax")]
    [TestCase("bnb-int8", "m.SCB")]
    public void Scales_that_are_no_numbers_are_refused(string format, string name)
    {
        (string config, List<TensorToWrite> tensors) = Whole(format);
        Write(config, tensors);
        Assert.That(Layer, Throws.Nothing, "as it should be");
        int at = tensors.FindIndex(t => t.Name == name);
        TensorToWrite good = tensors[at];
        tensors[at] = good with
        {
            Write = (row, to) =>
            {
                good.Write(row, to);
                int size = good.Type.SizeOf();
                to.Slice(3 * size, size).Fill(0xFF); // A NaN in every type of scale.
            },
        };
        Write(config, tensors);
        Assert.That(Layer, Fails(EngineStatus.CorruptData, name, "at 3"));
    }

    [TestCase("pack-quantized", "m.weight_zero_point")]
    [TestCase("nvfp4-pack-quantized", "m.weight_global_scale")]
    [TestCase("bnb", "m.weight.quant_state.bitsandbytes__nf4")]
    [TestCase("bnb-int8", "m.SCB")]
    public void Tensors_without_which_weights_would_be_others_are_named(string format, string name)
    {
        (string config, List<TensorToWrite> tensors) = Whole(format);
        int at = tensors.FindIndex(t => t.Name == name);
        string expected = name;
        if (name == "m.weight_zero_point")
            tensors[at] = Tensor(name, DType.I8, [N, 4], Enumerable.Repeat((sbyte)8, N * 4).ToArray());
        else tensors.RemoveAt(at);
        if (name == "m.weight_global_scale") expected = "m.weight_scale_2";
        Write(config, tensors);
        Assert.That(Layer, Fails(EngineStatus.CorruptData, expected));
    }

    [TestCase(0f)]
    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void A_scale_of_the_tensor_must_be_a_number_above_zero(float scale)
    {
        (string config, List<TensorToWrite> tensors) = Whole("nvfp4-pack-quantized");
        tensors[^1] = Tensor("m.weight_global_scale", DType.F32, [1], [scale]);
        Write(config, tensors);
        Assert.That(Layer, Fails(EngineStatus.CorruptData, "m.weight_global_scale"));
    }

    [Test]
    public void Order_by_activation_must_be_stored()
    {
        (string config, List<TensorToWrite> tensors) = Whole("pack-quantized");
        Write(config.Replace("\"num_bits\"", "\"actorder\": \"group\", \"num_bits\""), tensors);
        Assert.That(Layer, Fails(EngineStatus.CorruptData, "m.weight_g_idx"));
    }

    [Test]
    public void Room_for_an_order_that_was_never_found_is_no_order()
    {
        (string config, List<TensorToWrite> tensors) = Whole("pack-quantized");
        Write(config, tensors);
        float[] expected = Values();
        tensors.Add(Tensor("m.weight_g_idx", DType.I32, [K], Enumerable.Repeat(-1, K).ToArray()));
        Write(config, tensors);
        Assert.That(Values(), Is.EqualTo(expected));
    }

    [Test]
    public void Zero_points_of_packed_integers_may_lie_one_by_one()
    {
        (string config, List<TensorToWrite> tensors) = Whole("pack-quantized");
        int at = tensors.FindIndex(t => t.Name == "m.weight_zero_point");
        tensors.RemoveAt(at);
        Write(config, tensors);
        float[] symmetric = Values();
        tensors.Add(Tensor("m.weight_zero_point", DType.I8, [N, 4], Enumerable.Repeat((sbyte)-3, N * 4).ToArray()));
        Write(config, tensors);
        Assert.That(Values(), Is.EqualTo(symmetric.Select(v => v + (3 * 0.5f))));
    }

    private static NUnit.Framework.Constraints.IResolveConstraint Fails(
        EngineStatus status, string word, string other = "") =>
        Throws.TypeOf<EngineException>().With.Property("Status").EqualTo(status)
            .And.Message.Contains(word).And.Message.Contains(other);

    private void Open() => ModelResolver.OpenSafetensors(new ModelFolder(_folder)).Dispose();

    private void Layer()
    {
        using WeightSource weights = ModelResolver.OpenSafetensors(new ModelFolder(_folder));
        weights.Require("m.weight", N, K);
    }

    private float[] Values()
    {
        using WeightSource weights = ModelResolver.OpenSafetensors(new ModelFolder(_folder));
        return WeightSource.ReadVector(weights.Require("m.weight", N, K));
    }

    private static List<TensorToWrite> Gptq(int groups) =>
    [
        Tensor("m.qweight", DType.I32, [K / 8, N], new int[K / 8 * N]),
        Tensor("m.qzeros", DType.I32, [groups, N / 8], new int[groups * N / 8]),
        Tensor("m.scales", DType.F32, [groups, N], Ones(groups * N)),
        Tensor("m.g_idx", DType.I32, [K], [.. Enumerable.Range(0, K).Select(i => i * groups / K)]),
    ];

    private static (string Config, List<TensorToWrite> Tensors) Whole(string format)
    {
        int bits = format == "int-quantized" ? 8 : 4;
        string compressed = """{"quant_method": "compressed-tensors", "format": "FORMAT", "config_groups": """
            .Replace("FORMAT", format) + $$"""{"g": {"weights": {"num_bits": {{bits}} } } } }""";
        byte[] state = Encoding.UTF8.GetBytes($$"""{"quant_type": "nf4", "blocksize": 64, "shape": [{{N}}, {{K}}]}""");
        return format switch
        {
            "gptq" => ("""{"quant_method": "gptq", "bits": 4}""", Gptq(4)),
            "awq" => ("""{"quant_method": "awq", "bits": 4}""",
            [
                Tensor("m.qweight", DType.I32, [K, N / 8], new int[K * N / 8]),
                Tensor("m.qzeros", DType.I32, [4, N / 8], new int[4 * N / 8]),
                Tensor("m.scales", DType.F16, [4, N], new Half[4 * N]),
            ]),
            "pack-quantized" => (compressed,
            [
                Tensor("m.weight_packed", DType.I32, [N, K / 8], new int[N * K / 8]),
                Tensor("m.weight_shape", DType.I64, [2], [(long)N, K]),
                Tensor("m.weight_zero_point", DType.I32, [N / 8, 4], new int[N / 8 * 4]),
                Tensor("m.weight_scale", DType.F32, [N, 4], [.. Enumerable.Repeat(0.5f, N * 4)]),
            ]),
            "int-quantized" => (compressed,
            [
                Tensor("m.weight", DType.I8, [N, K], new sbyte[N * K]),
                Tensor("m.weight_scale", DType.F32, [N, 1], Ones(N)),
            ]),
            "nvfp4-pack-quantized" => (compressed,
            [
                Tensor("m.weight_packed", DType.U8, [N, K / 2], new byte[N * K / 2]),
                Tensor("m.weight_scale", DType.F8E4M3, [N, K / 16], new byte[N * K / 16]),
                Tensor("m.weight_global_scale", DType.F32, [1], Ones(1)),
            ]),
            "mxfp4-pack-quantized" => (compressed,
            [
                Tensor("m.weight_packed", DType.U8, [N, K / 2], new byte[N * K / 2]),
                Tensor("m.weight_scale", DType.U8, [N, K / 32], new byte[N * K / 32]),
            ]),
            "bnb" => ("""{"load_in_4bit": true, "bnb_4bit_quant_type": "nf4"}""",
            [
                Tensor("m.weight", DType.U8, [N * K / 2, 1], new byte[N * K / 2]),
                Tensor("m.weight.absmax", DType.F32, [N * K / 64], Ones(N * K / 64)),
                Tensor("m.weight.quant_map", DType.F32, [16], Ones(16)),
                Tensor("m.weight.quant_state.bitsandbytes__nf4", DType.U8, [state.Length], state),
            ]),
            _ => ("""{"quant_method": "bitsandbytes", "load_in_8bit": true}""",
            [
                Tensor("m.weight", DType.I8, [N, K], new sbyte[N * K]),
                Tensor("m.SCB", DType.F32, [N], Ones(N)),
            ]),
        };
    }

    private static float[] Ones(int count) => [.. Enumerable.Repeat(1f, count)];

    private void Write(string config, List<TensorToWrite> tensors) =>
        TensorsOnDisk.Write(_folder, config, tensors);
}
