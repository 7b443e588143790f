namespace Engine.Sampling;

/// <summary>
/// Philox 4x32-10: random numbers as a function of (seed, output, position), so that an output is the same
/// alone, in a crowd and after preemption.
/// </summary>
/// <remarks>Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3.</remarks>
internal static class Philox
{
    private const uint Multiplier0 = 0xD2511F53;
    private const uint Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9;
    private const uint Weyl1 = 0xBB67AE85;
    private const int Rounds = 10;

    /// <summary>One block: four words of the counter under a key of two.</summary>
    public static (uint R0, uint R1, uint R2, uint R3) Block(
        uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        for (int round = 0; round < Rounds; round++)
        {
            ulong p0 = (ulong)Multiplier0 * c0;
            ulong p1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) =
                ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }

        return (c0, c1, c2, c3);
    }

    /// <summary>Two uniform numbers in [0, 1), of 53 bits each.</summary>
    /// <param name="seed">The request's.</param>
    /// <param name="output">Which of its outputs.</param>
    /// <param name="position">Tokens of the output before the one decided.</param>
    public static (double First, double Second) Uniforms(ulong seed, int output, int position)
    {
        (uint r0, uint r1, uint r2, uint r3) = Block(
            (uint)position, (uint)output, 0, 0, (uint)seed, (uint)(seed >> 32));
        return (ToUnit(r0, r1), ToUnit(r2, r3));
    }

    private static double ToUnit(uint high, uint low) =>
        ((((ulong)high << 32) | low) >> 11) * (1.0 / (1UL << 53));
}
