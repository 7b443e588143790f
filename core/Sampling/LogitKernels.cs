using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Sampling;

/// <summary>The C interface of kernels/include/engine_logits.h.</summary>
internal static unsafe partial class LogitKernels
{
    private const string Library = "engine_kernels";

    /// <summary>True if the native library is there and has these functions.</summary>
    public static bool Exist()
    {
        try
        {
            float one = 1;
            float max;
            return Scan(&one, 1, &max) == 1 && max == 1;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    /// <summary>As <see cref="LogitMath.ScanBlocks"/>.</summary>
    public static bool Scan(ReadOnlySpan<float> row, Span<float> blockMax)
    {
        CheckBlocks(row.Length, blockMax.Length);
        fixed (float* rowPointer = row, maxPointer = blockMax)
        {
            return Scan(rowPointer, row.Length, maxPointer) != 0;
        }
    }

    /// <summary>As <see cref="LogitMath.SumExp"/>.</summary>
    public static double SumExp(
        ReadOnlySpan<float> row,
        ReadOnlySpan<float> blockMax,
        float max,
        float scale,
        Span<double> blockSums)
    {
        CheckBlocks(row.Length, Math.Min(blockMax.Length, blockSums.Length));
        fixed (float* rowPointer = row, maxPointer = blockMax)
        {
            fixed (double* sums = blockSums)
            {
                return SumExp(rowPointer, row.Length, maxPointer, max, scale, sums);
            }
        }
    }

    /// <summary>As <see cref="LogitMath.Weights"/>.</summary>
    public static void Weights(ReadOnlySpan<float> values, float max, float scale, Span<float> weights)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(weights.Length, values.Length);
        fixed (float* source = values, target = weights)
        {
            Weights(source, values.Length, max, scale, target);
        }
    }

    private static void CheckBlocks(
        int length, int blocks, [CallerArgumentExpression(nameof(blocks))] string? name = null) =>
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, LogitMath.NumBlocks(length), name);

    [LibraryImport(Library, EntryPoint = "ek_logits_scan")]
    private static partial int Scan(float* row, long length, float* blockMax);

    [LibraryImport(Library, EntryPoint = "ek_logits_sum_exp")]
    private static partial double SumExp(
        float* row, long length, float* blockMax, float max, float scale, double* blockSums);

    [LibraryImport(Library, EntryPoint = "ek_logits_weights")]
    private static partial void Weights(float* values, long length, float max, float scale, float* weights);
}
