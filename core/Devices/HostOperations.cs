using Engine.Memory;

namespace Engine.Devices;

/// <summary>Plain versions of rare element-wise operations, for devices whose memory the host reads.</summary>
internal static unsafe class HostOperations
{
    public static void Xielu(
        TensorView y, TensorView x, float alphaP, float alphaN, float beta, float epsilon)
    {
        for (int r = 0; r < x.Rows; r++)
        {
            Span<float> target = Row(y, r);
            ReadOnlySpan<float> source = Row(x, r);
            for (int i = 0; i < source.Length; i++)
            {
                double v = source[i];
                double curve = v > 0
                    ? alphaP * v * v
                    : alphaN * (ExpMinusOne(Math.Min(v, epsilon)) - v);
                target[i] = (float)(curve + (beta * v));
            }
        }
    }

    public static void Clamp(TensorView x, float limit)
    {
        for (int r = 0; r < x.Rows; r++)
        {
            Span<float> row = Row(x, r);
            for (int i = 0; i < row.Length; i++) row[i] = Math.Clamp(row[i], -limit, limit);
        }
    }

    /// <summary>Row r of an f32 view as a span.</summary>
    public static Span<float> Row(TensorView x, int r)
    {
        if (x.Type != DType.F32) throw new ArgumentException($"expected F32 activations, found {x.Type}");
        return new Span<float>((float*)x.Address + ((long)r * x.RowStride), x.Columns);
    }

    // exp(v) - 1 loses every digit near 0; the series keeps them.
    private static double ExpMinusOne(double v) =>
        Math.Abs(v) < 1e-4 ? v + (v * v / 2) + (v * v * v / 6) : Math.Exp(v) - 1;
}
