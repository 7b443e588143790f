namespace Engine.Quantization;

/// <summary>A matrix stored [K, N] seen as [N, K]. All of it becomes f32: a row needs every stored row.</summary>
internal sealed class TransposedMatrix(WeightMatrix stored) : WeightMatrix(stored.K, stored.N)
{
    private readonly Lazy<float[]> _values = new(() => Read(stored));

    private static float[] Read(WeightMatrix stored)
    {
        float[] values = new float[checked(stored.N * stored.K)];
        Parallel.For(0, stored.N, r => stored.Dequantize(r, values.AsSpan(r * stored.K, stored.K)));
        return values;
    }

    public override void Dequantize(int row, Span<float> destination)
    {
        float[] values = _values.Value;
        for (int i = 0; i < K; i++) destination[i] = values[(i * N) + row];
    }
}
