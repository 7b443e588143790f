using Engine.Devices;
using Engine.Memory;
using Engine.Quantization;

namespace Engine.Loading;

/// <summary>One tensor of a checkpoint, in mapped (or, for dummy weights, made up) host memory.</summary>
internal sealed class SafetensorsTensor
{
    public required string Name { get; init; }

    /// <summary>Name of the file, for messages.</summary>
    public required string File { get; init; }

    public required DType Type { get; init; }

    public required long[] Shape { get; init; }

    /// <summary>Offset of the first byte behind the header.</summary>
    public required long Offset { get; init; }

    public required long Bytes { get; init; }

    /// <summary>First byte in memory; 0 when only the header is known.</summary>
    public nint Address { get; set; }

    /// <summary>
    /// The values, where they are stored in a quantized form; Type is then F32, and Address 0 unless a device may
    /// also read the Blocks there.
    /// </summary>
    public WeightMatrix? Matrix { get; init; }

    /// <summary>Blocks at Address, in place of elements of Type.</summary>
    public WeightBlocks Blocks { get; init; }

    /// <summary>Rows at Address lie in pairs within heads of so many rows (PairedRowsMatrix); 0: in order.</summary>
    public int PairedHeadDim { get; init; }

    public string ShapeText => Format(Shape);

    public static string Format(ReadOnlySpan<long> shape) => $"[{string.Join(", ", shape.ToArray())}]";
}
