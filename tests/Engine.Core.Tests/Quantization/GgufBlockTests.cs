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
}
