using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Sampling;

/// <summary>
/// The loops over a whole row of logits. A row is cut in blocks of <see cref="BlockSize"/>; the largest
/// value of each block lets every later loop skip what cannot matter.
/// </summary>
/// <remarks>
/// 128-bit vectors: the width that NativeAOT's baseline has. The three loops that cost most have native
/// kernels as well (<see cref="LogitKernels"/>); what is here is their reference and stands in for them where
/// there is no native library.
/// </remarks>
internal static class LogitMath
{
    /// <summary>Whether the native kernels are there; tests turn them off.</summary>
    internal static bool UseKernels { get; set; } = LogitKernels.Exist();

    public const int BlockSize = 64;

    // exp(-87.3) is the smallest normal float; below, the weight counts as zero.
    private const float ExpFloor = -87.3f;

    public static int NumBlocks(int length) => (length + BlockSize - 1) / BlockSize;

    /// <summary>Largest value of each block.</summary>
    /// <returns>False if a value is NaN or +infinity.</returns>
    public static bool ScanBlocks(ReadOnlySpan<float> row, Span<float> blockMax)
    {
        if (UseKernels)
        {
            return LogitKernels.Scan(row, blockMax);
        }

        bool good = true;
        for (int block = 0, at = 0; at < row.Length; block++, at += BlockSize)
        {
            good &= ScanBlock(row.Slice(at, Math.Min(BlockSize, row.Length - at)), out blockMax[block]);
        }

        return good;
    }

    /// <summary>Largest value of one block; false if a value is NaN or +infinity.</summary>
    public static bool ScanBlock(ReadOnlySpan<float> block, out float max)
    {
        if (block.Length == BlockSize)
        {
            ref float first = ref Unsafe.AsRef(in block[0]);
            Vector128<float> m0 = Vector128.LoadUnsafe(ref first);
            Vector128<float> m1 = Vector128.LoadUnsafe(ref first, 4);
            Vector128<float> fine = Vector128.Equals(m0, m0) & Vector128.Equals(m1, m1);
            for (nuint i = 8; i < BlockSize; i += 8)
            {
                Vector128<float> a = Vector128.LoadUnsafe(ref first, i);
                Vector128<float> b = Vector128.LoadUnsafe(ref first, i + 4);
                fine &= Vector128.Equals(a, a) & Vector128.Equals(b, b);
                m0 = Vector128.ConditionalSelect(Vector128.GreaterThan(a, m0), a, m0);
                m1 = Vector128.ConditionalSelect(Vector128.GreaterThan(b, m1), b, m1);
            }

            m0 = Vector128.ConditionalSelect(Vector128.GreaterThan(m1, m0), m1, m0);
            max = MathF.Max(MathF.Max(m0[0], m0[1]), MathF.Max(m0[2], m0[3]));
            return fine.AsUInt32() == Vector128<uint>.AllBitsSet && max < float.PositiveInfinity;
        }

        max = float.NegativeInfinity;
        bool good = true;
        foreach (float x in block)
        {
            good &= x < float.PositiveInfinity;
            max = x > max ? x : max;
        }

        return good;
    }

    /// <summary>Largest of a non-empty span without NaN.</summary>
    public static float Max(ReadOnlySpan<float> values)
    {
        float max = float.NegativeInfinity;
        foreach (float x in values)
        {
            max = x > max ? x : max;
        }

        return max;
    }

    /// <summary>Sum over the row of exp((x - max) * scale); blockSums gets each block's part.</summary>
    public static double SumExp(
        ReadOnlySpan<float> row,
        ReadOnlySpan<float> blockMax,
        float max,
        float scale,
        Span<double> blockSums)
    {
        if (UseKernels)
        {
            return LogitKernels.SumExp(row, blockMax, max, scale, blockSums);
        }

        double sum = 0;
        for (int block = 0, at = 0; at < row.Length; block++, at += BlockSize)
        {
            double part = 0;
            if ((blockMax[block] - max) * scale > ExpFloor)
            {
                part = SumExpBlock(
                    row.Slice(at, Math.Min(BlockSize, row.Length - at)), max, scale);
            }

            blockSums[block] = part;
            sum += part;
        }

        return sum;
    }

    /// <summary>
    /// The same sum, and the sum of exp(d) * d with d = (x - max) * scale, which gives the entropy.
    /// </summary>
    public static (double Sum, double Moment) SumExpMoment(
        ReadOnlySpan<float> row, ReadOnlySpan<float> blockMax, float max, float scale)
    {
        Span<float> weights = stackalloc float[BlockSize];
        double sum = 0;
        double moment = 0;
        for (int block = 0, at = 0; at < row.Length; block++, at += BlockSize)
        {
            if ((blockMax[block] - max) * scale <= ExpFloor)
            {
                continue;
            }

            ReadOnlySpan<float> part = row.Slice(at, Math.Min(BlockSize, row.Length - at));
            Weights(part, max, scale, weights);
            for (int i = 0; i < part.Length; i++)
            {
                double w = weights[i];
                sum += w;
                moment += w > 0 ? w * ((double)part[i] - max) * scale : 0;
            }
        }

        return (sum, moment);
    }

    /// <summary>weights[i] = exp((values[i] - max) * scale).</summary>
    public static void Weights(
        ReadOnlySpan<float> values, float max, float scale, Span<float> weights)
    {
        if (UseKernels)
        {
            LogitKernels.Weights(values, max, scale, weights);
            return;
        }

        int i = 0;
        if (values.Length >= 4)
        {
            ref float source = ref Unsafe.AsRef(in values[0]);
            ref float target = ref weights[0];
            Vector128<float> maxes = Vector128.Create(max);
            Vector128<float> scales = Vector128.Create(scale);
            for (; i <= values.Length - 4; i += 4)
            {
                Vector128<float> x = Vector128.LoadUnsafe(ref source, (nuint)i);
                Exp((x - maxes) * scales).StoreUnsafe(ref target, (nuint)i);
            }
        }

        for (; i < values.Length; i++)
        {
            weights[i] = Exp(Vector128.Create((values[i] - max) * scale))[0];
        }
    }

    /// <summary>Ids and values of everything that is at least the threshold, in ascending id order.</summary>
    /// <returns>How many.</returns>
    public static int Gather(
        ReadOnlySpan<float> row,
        ReadOnlySpan<float> blockMax,
        float threshold,
        Span<int> ids,
        Span<float> values)
    {
        int count = 0;
        for (int block = 0, at = 0; at < row.Length; block++, at += BlockSize)
        {
            if (!(blockMax[block] >= threshold))
            {
                continue;
            }

            int end = Math.Min(at + BlockSize, row.Length);
            int i = at;
            Vector128<float> thresholds = Vector128.Create(threshold);
            ref float first = ref Unsafe.AsRef(in row[0]);
            for (; i <= end - 4; i += 4)
            {
                Vector128<float> x = Vector128.LoadUnsafe(ref first, (nuint)i);
                uint bits = Vector128.GreaterThanOrEqual(x, thresholds).ExtractMostSignificantBits();
                for (; bits != 0; bits &= bits - 1)
                {
                    int id = i + BitOperations.TrailingZeroCount(bits);
                    ids[count] = id;
                    values[count++] = row[id];
                }
            }

            for (; i < end; i++)
            {
                if (row[i] >= threshold)
                {
                    ids[count] = i;
                    values[count++] = row[i];
                }
            }
        }

        return count;
    }

    /// <summary>How many values are at least the threshold.</summary>
    public static int CountAtLeast(ReadOnlySpan<float> row, float threshold)
    {
        int count = 0;
        int i = 0;
        if (row.Length >= 4)
        {
            Vector128<float> thresholds = Vector128.Create(threshold);
            Vector128<int> counts = Vector128<int>.Zero;
            ref float first = ref Unsafe.AsRef(in row[0]);
            for (; i <= row.Length - 4; i += 4)
            {
                Vector128<float> x = Vector128.LoadUnsafe(ref first, (nuint)i);
                counts -= Vector128.GreaterThanOrEqual(x, thresholds).AsInt32();
            }

            count = Vector128.Sum(counts);
        }

        for (; i < row.Length; i++)
        {
            count += row[i] >= threshold ? 1 : 0;
        }

        return count;
    }

    /// <summary>Mean and population deviation over the values above minus infinity.</summary>
    public static double Deviation(ReadOnlySpan<float> row)
    {
        double sum = 0;
        int count = 0;
        foreach (float x in row)
        {
            if (x > float.NegativeInfinity)
            {
                sum += x;
                count++;
            }
        }

        double mean = sum / count;
        double squares = 0;
        foreach (float x in row)
        {
            double d = x > float.NegativeInfinity ? x - mean : 0;
            squares += d * d;
        }

        return Math.Sqrt(squares / count);
    }

    private static double SumExpBlock(ReadOnlySpan<float> block, float max, float scale)
    {
        int i = 0;
        float sum = 0;
        if (block.Length >= 8)
        {
            ref float first = ref Unsafe.AsRef(in block[0]);
            Vector128<float> maxes = Vector128.Create(max);
            Vector128<float> scales = Vector128.Create(scale);
            Vector128<float> s0 = Vector128<float>.Zero;
            Vector128<float> s1 = Vector128<float>.Zero;
            for (; i <= block.Length - 8; i += 8)
            {
                s0 += Exp((Vector128.LoadUnsafe(ref first, (nuint)i) - maxes) * scales);
                s1 += Exp((Vector128.LoadUnsafe(ref first, (nuint)i + 4) - maxes) * scales);
            }

            sum = Vector128.Sum(s0 + s1);
        }

        for (; i < block.Length; i++)
        {
            sum += Exp(Vector128.Create((block[i] - max) * scale))[0];
        }

        return sum;
    }

    /// <summary>exp of values that are at most 0, within 2 ulp; 0 below <see cref="ExpFloor"/>.</summary>
    /// <remarks>Cody and Waite's reduction, Cephes' polynomial.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Exp(Vector128<float> x)
    {
        // 1.5 * 2^23 added and subtracted rounds to the nearest integer, which then sits in the low bits.
        Vector128<float> magic = Vector128.Create(12582912f);
        Vector128<float> live = Vector128.GreaterThan(x, Vector128.Create(ExpFloor));
        x &= live;
        Vector128<float> shifted = x * Vector128.Create(1.44269504088896341f) + magic;
        Vector128<float> n = shifted - magic;
        Vector128<float> r = x - n * Vector128.Create(0.693359375f);
        r -= n * Vector128.Create(-2.12194440e-4f);
        Vector128<float> p = Vector128.Create(1.9875691500e-4f);
        p = p * r + Vector128.Create(1.3981999507e-3f);
        p = p * r + Vector128.Create(8.3334519073e-3f);
        p = p * r + Vector128.Create(4.1665795894e-2f);
        p = p * r + Vector128.Create(1.6666665459e-1f);
        p = p * r + Vector128.Create(5.0000001201e-1f);
        p = p * (r * r) + r + Vector128<float>.One;
        Vector128<int> exponent = Vector128.ShiftLeft(shifted.AsInt32(), 23);
        return (p.AsInt32() + exponent).AsSingle() & live;
    }
}
