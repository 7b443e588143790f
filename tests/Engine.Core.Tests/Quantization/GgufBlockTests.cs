using Engine.Loading;
using Engine.Quantization;

namespace Engine.Tests.Quantization;

/// <summary>Blocks of every type, corner cases among them, against ggml's own decoding.</summary>
internal sealed class GgufBlockTests
{
    private static string Vectors =>
        Path.Combine(TestPaths.Data, "quantized", "gguf-vectors", "vectors.safetensors");

    [TestCase("Q4_0")]
    [TestCase("Q4_1")]
    [TestCase("Q5_0")]
    [TestCase("Q5_1")]
    [TestCase("Q8_0")]
    [TestCase("Q2_K")]
    [TestCase("Q3_K")]
    [TestCase("Q4_K")]
    [TestCase("Q5_K")]
    [TestCase("Q6_K")]
    [TestCase("IQ4_NL")]
    [TestCase("IQ4_XS")]
    [TestCase("TQ1_0")]
    [TestCase("TQ2_0")]
    [TestCase("IQ1_S")]
    [TestCase("IQ1_M")]
    [TestCase("IQ2_XXS")]
    [TestCase("IQ2_XS")]
    [TestCase("IQ2_S")]
    [TestCase("IQ3_XXS")]
    [TestCase("IQ3_S")]
    [TestCase("F16")]
    [TestCase("BF16")]
    [TestCase("NVFP4")]
    [TestCase("MXFP4")]
    public void BlocksDecodeToTheBit(string type)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Vectors);
        SafetensorsTensor packed = file.Tensors[type + ".bytes"];
        float[] wanted = WeightSource.ReadVector(file.Tensors[type + ".f32"]);
        int blockBytes = (int)packed.Shape[1];
        int elements = wanted.Length / (int)packed.Shape[0];
        BlockDecoder decode = GgufBlocks.Find(type)!;
        float[] found = new float[wanted.Length];
        for (int i = 0; i < packed.Shape[0]; i++)
        {
            decode(
                StoredTensors.Bytes(packed).Slice(i * blockBytes, blockBytes),
                found.AsSpan(i * elements, elements));
        }

        // NaN has many bit patterns; everything else has one.
        for (int i = 0; i < wanted.Length; i++)
        {
            bool same = float.IsNaN(wanted[i]) ? float.IsNaN(found[i])
                : BitConverter.SingleToInt32Bits(wanted[i]) == BitConverter.SingleToInt32Bits(found[i]);
            Assert.That(same, Is.True, $"element {i}: expected {wanted[i]:R}, found {found[i]:R}");
        }
    }

    [TestCase("TQ1_0", 34u)]
    [TestCase("TQ2_0", 35u)]
    [TestCase("IQ1_S", 19u)]
    [TestCase("IQ1_M", 29u)]
    [TestCase("IQ2_XXS", 16u)]
    [TestCase("IQ2_XS", 17u)]
    [TestCase("IQ2_S", 22u)]
    [TestCase("IQ3_XXS", 18u)]
    [TestCase("IQ3_S", 21u)]
    public void CodesAndScalesAreTheWeights(string name, uint type)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Vectors);
        SafetensorsTensor packed = file.Tensors[name + ".bytes"];
        var matrix = new GgufMatrix(name, GgufType.Find(type)!.Value, packed.Address, (int)packed.Shape[0], 256);
        WeightCodes form = matrix.Codes!;
        float[] expected = new float[256], scales = new float[1];
        byte[] codes = new byte[256];
        sbyte[] subs = new sbyte[16];
        for (int row = 0; row < matrix.N; row++)
        {
            matrix.Dequantize(row, expected);
            if (!expected.All(float.IsFinite)) continue;
            matrix.ReadCodes(row, new CodeRow { Codes = codes, Scales = scales, Subs = subs });
            for (int i = 0; i < 256; i++)
            {
                float value = form.Scales == CodeScales.Plain
                    ? scales[0] * (codes[i] - form.Zero)
                    : scales[0] * subs[i / form.GroupSize] * GgufGridBlocks.Coordinates(form.Values)[codes[i]];
                Assert.That(value, Is.EqualTo(expected[i]), $"row {row}, element {i}");
            }
        }
    }

    [TestCase("NVFP4", 40u)]
    [TestCase("Q1_0", 41u)]
    [TestCase("Q2_0", 42u)]
    public unsafe void CodesAndScalesOfBlocksThatAreNoSuperblocksAreTheWeights(string name, uint type)
    {
        // 640 inputs are two and a half blocks of 256.
        const int Rows = 40, K = 640, Seed = 7;
        GgufType blocks = GgufType.Find(type)!.Value;
        byte[] bytes = new byte[Rows * K / blocks.BlockElements * blocks.BlockBytes];
        new Random(Seed).NextBytes(bytes);
        float[] expected = new float[K], scales = new float[K / 64];
        byte[] codes = new byte[K];
        sbyte[] subs = new sbyte[K / 16];
        fixed (byte* address = bytes)
        {
            var matrix = new GgufMatrix(name, blocks, (nint)address, Rows, K);
            WeightCodes form = matrix.Codes!;
            for (int row = 0; row < Rows; row++)
            {
                matrix.Dequantize(row, expected);
                matrix.ReadCodes(row, new CodeRow { Codes = codes, Scales = scales, Subs = subs });
                for (int i = 0; i < K; i++)
                {
                    float value = form.Scales == CodeScales.Plain
                        ? scales[i / form.GroupSize] * (codes[i] - form.Zero)
                        : scales[i / 256] * E4M3(subs[i / 16]) * 2 * SmallFloats.E2M1[codes[i]];
                    Assert.That(value, Is.EqualTo(expected[i]), $"seed {Seed}, row {row}, element {i}");
                }
            }
        }
    }

    private static float E4M3(sbyte bits) => (bits >> 3) == 0
        ? bits * (1f / 512)
        : (8 + (bits & 7)) * MathF.Pow(2, (bits >> 3) - 10);
}
