using System.Text;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Loading;
using Engine.Memory;
using Engine.Models;
using Engine.Quantization;
using Engine.Tests.Kernels;
using static Engine.Tests.Quantization.TensorsOnDisk;

namespace Engine.Tests.Quantization;

/// <summary>One layer in layouts that libraries write less often, against the formula of the format.</summary>
internal sealed class LayoutVariantTests
{
    private const int N = 64;
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-layouts").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Packed_codes_of_any_width_are_a_dense_stream_with_zeros_along_the_rows(
        [Values(1, 2, 3, 4, 5, 6, 7, 8)] int bits, [Values] bool hasZeros)
    {
        const int k = 96, groups = 3;
        Random random = new(bits);
        int[,] codes = Codes(random, N, k, bits), zeros = Codes(random, groups, N, bits);
        float[] scales = Floats(random, N * groups);
        List<TensorToWrite> tensors =
        [
            Tensor("m.weight_packed", DType.I32, [N, k * bits / 32], Words(codes, bits)),
            Tensor("m.weight_shape", DType.I64, [2], (long[])[N, k]),
            Tensor("m.weight_scale", DType.F32, [N, groups], scales),
        ];
        uint[] packed = Words(zeros, bits);
        int words = N * bits / 32;
        if (hasZeros)
        {
            uint[] turned =
                [.. Enumerable.Range(0, words * groups).Select(i => packed[(i % groups * words) + (i / groups)])];
            tensors.Add(Tensor("m.weight_zero_point", DType.I32, [words, groups], turned));
        }

        Check(
            """{"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {}}""", tensors, k,
            (n, i) => scales[(n * groups) + (i / 32)]
                * (codes[n, i] - (hasZeros ? zeros[i / 32, n] : 1 << (bits - 1))));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void The_last_group_of_gptq_may_be_short(bool storesIndex)
    {
        const int k = 320, groups = 3;
        Random random = new(1);
        int[,] codes = Codes(random, N, k, 4), zeros = Codes(random, groups, N, 4);
        float[] scales = Floats(random, groups * N);
        uint[] rows = Words(codes, 4);
        List<TensorToWrite> tensors =
        [
            Tensor("m.qweight", DType.I32, [k / 8, N],
                (uint[])[.. Enumerable.Range(0, k / 8 * N).Select(i => rows[(i % N * (k / 8)) + (i / N)])]),
            Tensor("m.qzeros", DType.I32, [groups, N / 8], Words(zeros, 4)),
            Tensor("m.scales", DType.F32, [groups, N], scales),
        ];
        if (storesIndex)
            tensors.Add(Tensor("m.g_idx", DType.I32, [k], (int[])[.. Enumerable.Range(0, k).Select(i => i / 128)]));
        Check(
            """{"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": false, "sym": false}""", tensors, k,
            (n, i) => scales[(i / 128 * N) + n] * (codes[n, i] - (zeros[i / 128, n] + 1)));
    }

    [Test]
    public void Four_bits_of_bitsandbytes_may_lie_in_other_words()
    {
        const int k = 64;
        float[] map = Floats(new Random(3), 16), absmax = Floats(new Random(4), N * k / 64);
        byte[] bytes = new byte[N * k / 2];
        new Random(2).NextBytes(bytes);
        byte[] state = Encoding.UTF8.GetBytes($$"""{"quant_type": "nf4", "blocksize": 64, "shape": [{{N}}, {{k}}]}""");
        Check(
            """{"load_in_4bit": true, "bnb_4bit_quant_storage": "bfloat16"}""",
            [
                Tensor("m.weight", DType.BF16, [N * k / 4, 1], bytes),
                Tensor("m.weight.absmax", DType.F32, [absmax.Length], absmax),
                Tensor("m.weight.quant_map", DType.F32, [16], map),
                Tensor("m.weight.quant_state.bitsandbytes__nf4", DType.U8, [state.Length], state),
            ],
            k,
            (n, i) => map[(bytes[((n * k) + i) / 2] >> (i % 2 == 0 ? 4 : 0)) & 15] * absmax[((n * k) + i) / 64]);
    }

    [TestCase("mxfp8-quantized", DType.U8)]
    [TestCase("float-quantized", DType.F8E8M0)]
    public void Eight_bit_floats_may_have_powers_of_two_as_scales(string format, DType scaleType)
    {
        const int k = 96;
        byte[] codes = FiniteFloats(N * k);
        byte[] scales = [.. Enumerable.Range(0, N * k / 32).Select(i => (byte)(120 + (i % 14)))];
        Check(
            $$"""{"quant_method": "compressed-tensors", "format": "{{format}}"}""",
            [
                Tensor("m.weight", DType.F8E4M3, [N, k], codes),
                Tensor("m.weight_scale", scaleType, [N, k / 32], scales),
            ],
            k, (n, i) => SmallFloats.E4M3[codes[(n * k) + i]] * MathF.ScaleB(1, scales[((n * k) + i) / 32] - 127));
    }

    [Test]
    public void Blocks_of_ModelOpt_have_four_dimensions_and_old_floats_zero_points_that_are_zero()
    {
        const int k = 256;
        byte[] codes = FiniteFloats(N * k);
        float[] scales = [0.5f, 3];
        Check(
            """{"quant_method": "modelopt", "quant_algo": "FP8_PB_WO"}""",
            [
                Tensor("m.weight", DType.F8E4M3, [N, k], codes),
                Tensor("m.weight_scale", DType.F32, [1, 1, 2, 1], scales),
                Tensor("m.weight_zero_point", DType.F8E4M3, [1], new byte[1]),
            ],
            k, (n, i) => SmallFloats.E4M3[codes[(n * k) + i]] * scales[i / 128]);
    }

    [TestCase("""{"quant_method": "gptq", "checkpoint_format": "marlin"}""", "checkpoint_format", "marlin")]
    [TestCase("""{"quant_method": "gptq", "is_marlin_format": true}""", "checkpoint_format", "marlin")]
    [TestCase("""{"quant_method": "awq", "version": "gemv_fast"}""", "version", "gemv_fast")]
    [TestCase("""{"quant_method": "auto-round", "packing_format": "auto_round:exllamav2"}""", "packing_format", "exllamav2")]
    [TestCase("""{"quant_method": "hqq"}""", "quant_method", "hqq")]
    [TestCase("""{"quant_method": "compressed-tensors", "format": "marlin-24"}""", "format", "marlin-24")]
    [TestCase(
        """{"quant_method": "compressed-tensors", "format": "dense", "sparsity_config": {"format": "sparse-24-bitmask"}}""",
        "sparsity_config.format", "sparse-24-bitmask")]
    [TestCase(
        """{"quant_method": "compressed-tensors", "transform_config": {"config_groups": {"u": {"type": "hadamard"}}}}""",
        "transform_config", "some")]
    public void Layouts_that_are_not_read_are_refused_by_name(string config, string key, string found)
    {
        Write(config, [Tensor("m.weight", DType.F32, [1, 1], new float[1])]);
        Assert.That(
            () => ModelResolver.OpenSafetensors(new ModelFolder(_folder)),
            Throws.TypeOf<EngineException>().With.Property("Status").EqualTo(EngineStatus.Unsupported)
                .And.Message.Contains(key).And.Message.Contains(found));
    }

    [TestCase("fbgemm_fp8", "", ExpectedResult = InputRounding.E4M3Token)]
    [TestCase("modelopt_mixed", """, "quantized_layers": {"m": {"quant_algo": "FP8_PER_CHANNEL_PER_TOKEN"}}""",
        ExpectedResult = InputRounding.E4M3Token)]
    [TestCase("fp8", """, "activation_scheme": "dynamic", "weight_block_size": [64, 64]""",
        ExpectedResult = InputRounding.Own)]
    public InputRounding Inputs_are_rounded_as_the_method_says(string method, string more)
    {
        Write(
            $$"""{"quant_method": "{{method}}"{{more}}}""",
            [
                Tensor("m.weight", DType.F8E4M3, [N, 64], new byte[N * 64]),
                Tensor("m.weight_scale", DType.F32, [N, 1], new float[N]),
            ]);
        using WeightSource weights = ModelResolver.OpenSafetensors(new ModelFolder(_folder));
        return weights.Require("m.weight", N, 64).Matrix!.Inputs.Rounding;
    }

    [Test]
    public void Integers_of_four_bits_in_bytes_round_their_inputs_too()
    {
        Write(
            """
            {"quant_method": "compressed-tensors", "format": "int-quantized", "config_groups": {"group_0": {
             "targets": ["Linear"], "weights": {"type": "int", "num_bits": 4, "group_size": 32},
             "input_activations": {"type": "int", "num_bits": 8, "dynamic": true, "symmetric": true}}}}
            """,
            [
                Tensor("m.weight", DType.I8, [N, 64], new byte[N * 64]),
                Tensor("m.weight_scale", DType.F32, [N, 2], new float[N * 2]),
            ]);
        using WeightSource weights = ModelResolver.OpenSafetensors(new ModelFolder(_folder));
        Assert.That(
            weights.Require("m.weight", N, 64).Matrix!.Inputs.Rounding, Is.EqualTo(InputRounding.Int8Token));
    }

    private void Check(string config, List<TensorToWrite> tensors, int k, Func<int, int, float> value)
    {
        Write(config, tensors);
        using WeightSource weights = ModelResolver.OpenSafetensors(new ModelFolder(_folder));
        SafetensorsTensor tensor = weights.Require("m.weight", N, k);
        float[] expected = [.. Enumerable.Range(0, N * k).Select(i => value(i / k, i % k))];
        Assert.That(WeightSource.ReadVector(tensor), Is.EqualTo(expected));
        using IDevice device = KernelData.Device(KernelData.Isas.Last(), precision: ActivationPrecision.Float);
        using LinearWeight weight = device.PackLinear(new LinearSource
        {
            Parts = [new LinearPart(N, k, DType.F32, 0, k, Matrix: tensor.Matrix)],
            ComputeType = DType.F32,
        });
        float[] x = Floats(new Random(9), k);
        using var gx = GuardedMemory.OfFloats(x);
        using var gy = new GuardedMemory(N * sizeof(float));
        device.Linear(gy.View(1, N, N), gx.View(1, k, k), weight, null, false);
        float[] found = gy.Floats(N).ToArray();
        for (int n = 0; n < N; n++)
        {
            double sum = 0, size = 0;
            for (int i = 0; i < k; i++)
            {
                sum += (double)expected[(n * k) + i] * x[i];
                size += Math.Abs((double)expected[(n * k) + i] * x[i]);
            }

            Assert.That(found[n], Is.EqualTo(sum).Within(1e-5 * size), $"output {n}");
        }
    }

    private void Write(string config, List<TensorToWrite> tensors) =>
        TensorsOnDisk.Write(_folder, config, tensors);

    private static int[,] Codes(Random random, int rows, int columns, int bits)
    {
        int[,] codes = new int[rows, columns];
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++) codes[r, c] = random.Next(bits == 4 ? 15 : 1 << bits);
        }

        return codes;
    }

    /// <summary>Every row as a little-endian stream of codes.</summary>
    private static uint[] Words(int[,] codes, int bits)
    {
        int perRow = codes.GetLength(1) * bits / 32;
        uint[] words = new uint[codes.GetLength(0) * perRow];
        for (int r = 0; r < codes.GetLength(0); r++)
        {
            for (int c = 0; c < codes.GetLength(1); c++)
            {
                for (int b = 0; b < bits; b++)
                {
                    int at = (c * bits) + b;
                    words[(r * perRow) + (at / 32)] |= (uint)((codes[r, c] >> b) & 1) << (at % 32);
                }
            }
        }

        return words;
    }

    private static float[] Floats(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 2) - 1))];

    private static byte[] FiniteFloats(int count) =>
        [.. Enumerable.Range(0, count).Select(i => (byte)(i * 37 % 251)).Select(b => (b & 127) == 127 ? (byte)1 : b)];
}
