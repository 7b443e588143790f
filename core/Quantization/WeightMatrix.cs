namespace Engine.Quantization;

/// <summary>A matrix [N, K] in the form of some checkpoint, as floats row by row.</summary>
internal abstract class WeightMatrix(int n, int k)
{
    /// <summary>Rows: outputs of the linear layer.</summary>
    public int N => n;

    /// <summary>Columns: inputs.</summary>
    public int K => k;

    /// <summary>Writes one row.</summary>
    /// <param name="row">0 to N - 1.</param>
    /// <param name="destination">[K] f32.</param>
    public abstract void Dequantize(int row, Span<float> destination);
}
