using Engine.Loading;

namespace Engine.Quantization;

/// <summary>A GGUF tensor [N, K] in blocks of some type, in mapped memory; rows follow one another.</summary>
internal sealed unsafe class GgufMatrix : WeightMatrix
{
    private readonly GgufType _type;
    private readonly nint _address;
    private readonly BlockDecoder _decode;

    /// <exception cref="EngineException">Unsupported: no decoder, or K is no multiple of the block.</exception>
    public GgufMatrix(string name, GgufType type, nint address, int n, int k)
        : base(n, k)
    {
        _type = type;
        _address = address;
        _decode = GgufBlocks.Find(type.Name) ?? throw new EngineException(
            EngineStatus.Unsupported, $"tensor '{name}': blocks of type {type.Name} are not read");
        if (k % type.BlockElements != 0)
        {
            throw EngineException.Corrupt(
                name, $"expected rows of whole blocks of {type.BlockElements}, found {k} columns");
        }
    }

    private long RowBytes => (long)K / _type.BlockElements * _type.BlockBytes;

    private ReadOnlySpan<byte> Row(int row) => new((byte*)_address + (row * RowBytes), (int)RowBytes);

    public override void Dequantize(int row, Span<float> destination)
    {
        ReadOnlySpan<byte> blocks = Row(row);
        for (int i = 0; i < K / _type.BlockElements; i++)
        {
            _decode(
                blocks.Slice(i * _type.BlockBytes, _type.BlockBytes),
                destination.Slice(i * _type.BlockElements, _type.BlockElements));
        }
    }

    public override WeightCodes? Codes => GgufCodes.Find(_type.Name);

    public override void ReadCodes(int row, in CodeRow target) => GgufCodes.Read(_type, Row(row), target);
}
