using Engine.Quantization;

namespace Engine.Tests.Quantization;

/// <summary>Rounding to e4m3 with a scale per row.</summary>
internal sealed class Float8RoundingTests
{
    [Test]
    public void EveryCodeIsTheNearestValue()
    {
        // Every bfloat16 up to and beyond the largest value, between which lie all ties.
        for (int bits = 0; bits < 0x4480; bits++)
        {
            float positive = BitConverter.Int32BitsToSingle(bits << 16);
            foreach (float x in new[] { positive, -positive })
            {
                Assert.That(SmallFloats.E4M3[Float8Rounding.Code(x)], Is.EqualTo(SmallFloats.RoundE4M3(x)), $"{x:R}");
            }
        }
    }

    [Test]
    public void ARowIsRoundedAsItsValuesAre()
    {
        Random random = new(11);
        for (int k = 1; k < 300; k += 7)
        {
            float[] row = new float[k];
            foreach (ref float x in row.AsSpan()) x = (random.NextSingle() - 0.5f) * MathF.Pow(2, random.Next(-12, 3));
            byte[] codes = new byte[k];
            float scale = Float8Rounding.Round(row, codes);
            Assert.That(scale, Is.EqualTo(row.Max(MathF.Abs) / 448));
            Assert.That(codes, Is.EqualTo(row.Select(x => Float8Rounding.Code(x / scale))), $"{k} values, seed 11");
        }
    }

    [Test]
    public void ARowOfZerosHasAScale() => Assert.Multiple(() =>
    {
        byte[] codes = [1, 2, 3];
        Assert.That(Float8Rounding.Round(new float[3], codes), Is.EqualTo(1));
        Assert.That(codes, Is.EqualTo(new byte[3]));
    });

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void WhatIsNoNumberIsRefused(float x) =>
        Assert.That(
            () => Float8Rounding.Round([1, x], new byte[2]),
            Throws.TypeOf<EngineException>().With.Message.Contains("expected numbers"));
}
