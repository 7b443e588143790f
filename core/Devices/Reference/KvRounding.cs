using Engine.Memory;
using Engine.Quantization;

namespace Engine.Devices.Reference;

/// <summary>What keys and values become in a cache of 8 bits.</summary>
internal static class KvRounding
{
    /// <summary>Rounds a token's row in place; types that are no 8 bits wide are left alone.</summary>
    /// <param name="row">[heads * headDim].</param>
    /// <param name="headDim">I8 has a scale for each run of so many.</param>
    /// <param name="type">Of the cache.</param>
    /// <param name="scale">Of the layer; counts for F8E4M3.</param>
    public static void Round(Span<float> row, int headDim, DType type, float scale)
    {
        if (type == DType.F8E4M3)
        {
            foreach (ref float x in row) x = SmallFloats.RoundE4M3(x / scale) * scale;
        }
        else if (type == DType.I8)
        {
            for (int i = 0; i < row.Length; i += headDim) RoundHead(row.Slice(i, headDim));
        }
    }

    private static void RoundHead(Span<float> head)
    {
        float most = 0;
        foreach (float x in head) most = MathF.Max(most, MathF.Abs(x));
        float scale = most / 127;
        if (scale == 0) return;
        foreach (ref float x in head) x = MathF.Round(x / scale, MidpointRounding.ToEven) * scale;
    }
}
