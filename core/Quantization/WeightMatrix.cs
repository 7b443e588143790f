namespace Engine.Quantization;

/// <summary>
/// A matrix [N, K] in the form of some checkpoint. Every form gives floats row by row; one made of small integers
/// with scales also gives those, so that a device can keep them as they are. Reads may come from several threads.
/// </summary>
/// <param name="n">Rows.</param>
/// <param name="k">Columns.</param>
public abstract class WeightMatrix(int n, int k)
{
    /// <summary>Rows: outputs of the linear layer.</summary>
    public int N => n;

    /// <summary>Columns: inputs.</summary>
    public int K => k;

    /// <summary>Writes one row.</summary>
    /// <param name="row">0 to N - 1.</param>
    /// <param name="destination">[K] f32.</param>
    public abstract void Dequantize(int row, Span<float> destination);

    /// <summary>What the codes are like, or null if there are only floats. Known from headers alone.</summary>
    public virtual WeightCodes? Codes => null;

    /// <summary>How the checkpoint rounds what is multiplied by this matrix.</summary>
    public InputScheme Inputs { get; internal set; }

    /// <summary>
    /// Input of every position that codes are read in, so that groups are runs; null if that is their own order.
    /// </summary>
    public virtual int[]? InputOrder => null;

    /// <summary>Reads the codes of one row, in the order of InputOrder. Only where Codes is not null.</summary>
    /// <param name="row">0 to N - 1.</param>
    /// <param name="target">Filled as Codes says.</param>
    public virtual void ReadCodes(int row, in CodeRow target) =>
        throw new InvalidOperationException("this matrix has no codes");
}

/// <summary>How the codes of a matrix become weights.</summary>
public enum CodeScales
{
    /// <summary>A scale per group: w = scale * (value(code) - zero), zero being the same everywhere.</summary>
    Plain,

    /// <summary>The same with a zero per group, a whole number from 0 to 255.</summary>
    Zero,

    /// <summary>A scale and a minimum per group: w = scale * value(code) + min.</summary>
    Min,

    /// <summary>A scale per 256 inputs times a small whole number per group: w = super * sub * (value(code) - zero),
    /// zero being the same everywhere.</summary>
    Super,

    /// <summary>The same times an e4m3 float per group.</summary>
    SuperE4M3,

    /// <summary>Scales and minima of two levels: w = super * sub * value(code) - superMin * subMin.</summary>
    SuperMin,
}

/// <summary>What value a code has.</summary>
public enum CodeValues
{
    /// <summary>Itself.</summary>
    Integer,

    /// <summary>GGUF's IQ4 table: 16 uneven values in a signed byte.</summary>
    Iq4,

    /// <summary>Twice the value of an e2m1 float: 0, 1, 2, 3, 4, 6, 8, 12 and their negatives.</summary>
    DoubledE2M1,

    /// <summary>An e4m3 float.</summary>
    E4M3,

    /// <summary>bitsandbytes' nf4 table: 16 quantiles of a normal distribution from -1 to 1.</summary>
    Nf4,

    /// <summary>bitsandbytes' fp4 table: 0, 1/192, 1/6, 1/4, 1/3, 1/2, 2/3, 1 in an order of its own, and their
    /// negatives.</summary>
    Fp4,

    /// <summary>A coordinate of the codebooks of GGUF's IQ2 types, or in eighths of IQ1's, shifted; bit 3 is the
    /// sign: 8, 25, 43, 1, 7, 9.</summary>
    Grid2,

    /// <summary>The same of IQ3_XXS: 4, 12, 20, 28, 36, 44, 52, 62.</summary>
    Grid3,

    /// <summary>The same of IQ3_S: 1, 3, 5, 7, 9, 11, 13, 15.</summary>
    Grid3S,
}

/// <summary>Types that scales are held in without loss.</summary>
public enum CodeScaleType
{
    /// <summary>binary16.</summary>
    F16,

    /// <summary>bfloat16.</summary>
    BF16,

    /// <summary>binary32.</summary>
    F32,
}

/// <summary>The integer form of a matrix.</summary>
/// <param name="Bits">Codes are 0 to 2^Bits - 1; 1 to 8.</param>
/// <param name="GroupSize">Inputs that share a scale, in order of position; the last group may be short.</param>
/// <param name="Scales">How a weight is made.</param>
/// <param name="ScaleType">Holds the scales (or super scales) and minima.</param>
/// <param name="Values">What a code stands for.</param>
/// <param name="Zero">What is taken from every code where groups have no zeros of their own and no minima.</param>
public sealed record WeightCodes(
    int Bits, int GroupSize, CodeScales Scales, CodeScaleType ScaleType,
    CodeValues Values = CodeValues.Integer, int Zero = 0);

/// <summary>One row of codes; spans that a form does not use may be empty.</summary>
public readonly ref struct CodeRow
{
    /// <summary>[K] codes, one a byte.</summary>
    public Span<byte> Codes { get; init; }

    /// <summary>[groups] scales; of two levels [ceil(K / 256)] super scales.</summary>
    public Span<float> Scales { get; init; }

    /// <summary>With Zero: [groups].</summary>
    public Span<byte> Zeros { get; init; }

    /// <summary>With Min: [groups] minima; with SuperMin [ceil(K / 256)] factors of them.</summary>
    public Span<float> Mins { get; init; }

    /// <summary>Of two levels: [groups] factors of the super scale, of SuperE4M3 the bits.</summary>
    public Span<sbyte> Subs { get; init; }

    /// <summary>With SuperMin: [groups] factors of the minimum, from 0 up.</summary>
    public Span<byte> SubMins { get; init; }
}
