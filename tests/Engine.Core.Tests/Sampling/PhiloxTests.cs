using Engine.Sampling;

namespace Engine.Tests.Sampling;

[TestFixture]
public sealed class PhiloxTests
{
    // Random123's kat_vectors for philox4x32 with 10 rounds.
    [TestCase(
        new uint[] { 0, 0, 0, 0 }, new uint[] { 0, 0 },
        new[] { 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u })]
    [TestCase(
        new[] { 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu }, new[] { 0xffffffffu, 0xffffffffu },
        new[] { 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu })]
    [TestCase(
        new[] { 0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u }, new[] { 0xa4093822u, 0x299f31d0u },
        new[] { 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u })]
    public void BlocksEqualThePublishedVectors(uint[] counter, uint[] key, uint[] expected)
    {
        (uint r0, uint r1, uint r2, uint r3) = Philox.Block(
            counter[0], counter[1], counter[2], counter[3], key[0], key[1]);
        Assert.That(new[] { r0, r1, r2, r3 }, Is.EqualTo(expected));
    }

    [Test]
    public void UniformsStayBelowOneAndCoverTheUnitInterval()
    {
        var bins = new int[64];
        for (int position = 0; position < 64000; position++)
        {
            (double first, double second) = Philox.Uniforms(7, 3, position);
            bins[(int)(first * 64)]++;
            bins[(int)(second * 64)]++;
        }

        double chi2 = bins.Sum(n => (n - 2000.0) * (n - 2000.0) / 2000.0);
        Assert.That(chi2, Is.LessThan(132), "63 degrees of freedom, one in a million");
    }

    [Test]
    public void SeedOutputAndPositionAllMatter()
    {
        var seen = new HashSet<double>();
        foreach (ulong seed in new[] { 0ul, 1ul, 1ul << 32, ulong.MaxValue })
        {
            for (int output = 0; output < 3; output++)
            {
                for (int position = 0; position < 3; position++)
                {
                    seen.Add(Philox.Uniforms(seed, output, position).First);
                }
            }
        }

        Assert.That(seen, Has.Count.EqualTo(4 * 3 * 3));
    }
}
