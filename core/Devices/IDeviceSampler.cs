using System.Runtime.InteropServices;
using Engine.Memory;

namespace Engine.Devices;

/// <summary>A device that chooses tokens where the logits are, so that only the tokens leave it.</summary>
internal interface IDeviceSampler
{
    /// <summary>In place of a token: a logit is NaN or +infinity.</summary>
    const int Corrupt = -1;

    /// <summary>In place of a token: every logit is -infinity.</summary>
    const int Nothing = -2;

    /// <summary>Chooses a token for each row, and waits for them.</summary>
    /// <param name="logits">[rows, length] f32.</param>
    /// <param name="choices">[rows]; a row without ids is left alone.</param>
    /// <param name="tokens">[rows] tokens, or what stands for one.</param>
    void Choose(TensorView logits, ReadOnlySpan<TokenChoice> choices, Span<int> tokens);

    /// <summary>Room for tokens that stay on the device; null if steps are not to be computed ahead.</summary>
    DeviceTokens? CreateTokens(int maxRows);
}

/// <summary>
/// How a token is chosen: what min_p, top_k and top_p leave, in this order, by weight exp((logit - max) * scale). The
/// layout is EkcSampleRow's.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TokenChoice
{
    /// <summary>1 as a share.</summary>
    public const ulong Whole = 1UL << 53;

    /// <summary>The draw in units of 2^-53, as a share of what is left in ascending order of ids.</summary>
    public ulong Uniform;

    /// <summary>In units of 2^-53; Whole keeps all.</summary>
    public ulong TopP;

    /// <summary>Logits below the largest plus this go; above 0 none do.</summary>
    public double MinOffset;

    /// <summary>1 / temperature; 0 takes the first of the largest.</summary>
    public float Scale;

    /// <summary>0 keeps all.</summary>
    public int TopK;

    /// <summary>Ids from here on are never chosen; 0 leaves the row alone.</summary>
    public int NumIds;

    /// <summary>0.</summary>
    public int Reserved;
}
