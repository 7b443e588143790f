namespace Engine.Quantization;

/// <summary>
/// A matrix whose rows lie in pairs within each head, as GGUF files of the architecture llama have q and k: stored
/// row 2i is row i, stored row 2i + 1 is row i + headDim / 2.
/// </summary>
internal sealed class PairedRowsMatrix(WeightMatrix stored, int headDim) : WeightMatrix(stored.N, stored.K)
{
    public override WeightCodes? Codes => stored.Codes;

    public override int[]? InputOrder => stored.InputOrder;

    /// <summary>Where a row is stored.</summary>
    public static int StoredRow(int row, int headDim)
    {
        int half = headDim / 2, within = row % headDim;
        return row - within + (2 * (within % half)) + (within / half);
    }

    public override void Dequantize(int row, Span<float> destination) =>
        stored.Dequantize(StoredRow(row, headDim), destination);

    public override void ReadCodes(int row, in CodeRow target) => stored.ReadCodes(StoredRow(row, headDim), target);
}
