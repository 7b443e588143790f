using System.Numerics;

namespace Engine.Quantization;

/// <summary>A row of floats as e4m3 codes and one scale: its largest magnitude becomes 448.</summary>
internal static class Float8Rounding
{
    private const float Largest = 448;

    /// <summary>Rounds to the nearest code, ties to even; returns the scale, 1 for a row of zeros.</summary>
    /// <exception cref="EngineException">CorruptData: a NaN or an infinity.</exception>
    public static float Round(ReadOnlySpan<float> row, Span<byte> codes)
    {
        float scale = ScaleOf(row);
        int i = 0;
        for (int step = 4 * Vector<float>.Count; i + step <= row.Length; i += step)
        {
            Vector<ushort> low = Vector.Narrow(Codes(row[i..], scale, 0), Codes(row[i..], scale, 1));
            Vector<ushort> high = Vector.Narrow(Codes(row[i..], scale, 2), Codes(row[i..], scale, 3));
            Vector.Narrow(low, high).CopyTo(codes[i..]);
        }

        for (; i < row.Length; i++) codes[i] = Code(row[i] / scale);
        return scale;
    }

    /// <summary>What the codes of a row are to be multiplied by.</summary>
    public static float ScaleOf(ReadOnlySpan<float> row)
    {
        float largest = 0;
        foreach (float x in row)
        {
            if (!float.IsFinite(x))
                throw EngineException.Corrupt("weights", $"expected numbers to round to fp8, found {x}");
            largest = MathF.Max(largest, MathF.Abs(x));
        }

        float scale = largest / Largest;
        return scale > 0 ? scale : 1;
    }

    /// <summary>The code of a finite value.</summary>
    internal static byte Code(float x)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        float a = MathF.Min(MathF.Abs(x), Largest);
        uint b = BitConverter.SingleToUInt32Bits(a);
        // Adding 2^14 leaves a subnormal, rounded to nearest even, in the low bits.
        uint code = a < 0.015625f
            ? BitConverter.SingleToUInt32Bits(a + 16384) - BitConverter.SingleToUInt32Bits(16384)
            : ((b + 0x7ffff + ((b >> 20) & 1)) >> 20) - (120 << 3);
        return (byte)(((bits >> 24) & 0x80) | code);
    }

    // The same, of one vector.
    private static Vector<uint> Codes(ReadOnlySpan<float> row, float scale, int part)
    {
        Vector<float> x = new Vector<float>(row[(part * Vector<float>.Count)..]) / new Vector<float>(scale);
        Vector<uint> bits = Vector.AsVectorUInt32(x);
        Vector<float> a = Vector.Min(Vector.Abs(x), new Vector<float>(Largest));
        Vector<uint> b = Vector.AsVectorUInt32(a);
        Vector<uint> small = Vector.AsVectorUInt32(a + new Vector<float>(16384))
            - new Vector<uint>(BitConverter.SingleToUInt32Bits(16384));
        Vector<uint> normal = Vector.ShiftRightLogical(
            b + new Vector<uint>(0x7ffff) + (Vector.ShiftRightLogical(b, 20) & Vector<uint>.One), 20)
            - new Vector<uint>(120 << 3);
        Vector<uint> code = Vector.ConditionalSelect(
            Vector.AsVectorUInt32(Vector.LessThan(a, new Vector<float>(0.015625f))), small, normal);
        return (Vector.ShiftRightLogical(bits, 24) & new Vector<uint>(0x80)) | code;
    }
}
