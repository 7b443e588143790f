using System.Numerics;

namespace Engine.Sampling;

/// <summary>The k-th largest of many, without sorting them.</summary>
internal static class PartialSelect
{
    /// <summary>The k-th largest value.</summary>
    /// <param name="values">Without NaN.</param>
    /// <param name="k">1 .. values.Length.</param>
    /// <param name="scratch">[values.Length].</param>
    public static float KthLargest(ReadOnlySpan<float> values, int k, Span<float> scratch)
    {
        Span<float> part = scratch[..values.Length];
        values.CopyTo(part);
        int index = k - 1;
        int budget = 2 * BitOperations.Log2((uint)values.Length) + 8;
        while (part.Length > 16)
        {
            if (budget-- == 0)
            {
                break;
            }

            float pivot = MedianOfThree(part[0], part[part.Length / 2], part[^1]);
            (int above, int equal) = Partition(part, pivot);
            if (index < above)
            {
                part = part[..above];
            }
            else if (index < above + equal)
            {
                return pivot;
            }
            else
            {
                index -= above + equal;
                part = part[(above + equal)..];
            }
        }

        part.Sort();
        return part[part.Length - 1 - index];
    }

    /// <summary>Moves what is above the pivot to the front, then what equals it.</summary>
    private static (int Above, int Equal) Partition(Span<float> part, float pivot)
    {
        int above = 0;
        int end = part.Length;
        for (int i = 0; i < end;)
        {
            float x = part[i];
            if (x > pivot)
            {
                part[i++] = part[above];
                part[above++] = x;
            }
            else if (x < pivot)
            {
                part[i] = part[--end];
                part[end] = x;
            }
            else
            {
                i++;
            }
        }

        return (above, end - above);
    }

    private static float MedianOfThree(float a, float b, float c) =>
        Math.Max(Math.Min(a, b), Math.Min(Math.Max(a, b), c));
}
