using Engine.Memory;
using Engine.Quantization;

namespace Engine.Devices;

/// <summary>Memory of a device, with one owner.</summary>
public abstract class DeviceBuffer : IDisposable
{
    /// <summary>Address on the device.</summary>
    public abstract nint Address { get; }

    /// <summary>Size in bytes.</summary>
    public abstract long Bytes { get; }

    /// <summary>A view of rows that start at a byte offset.</summary>
    public TensorView View(DType type, int rows, int columns, long byteOffset = 0)
    {
        long end = checked(byteOffset + (long)rows * columns * type.SizeOf());
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end, Bytes);
        return new TensorView(Address + (nint)byteOffset, type, rows, columns, columns);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory; called once or more.</summary>
    protected abstract void Dispose(bool disposing);
}

/// <summary>A weight [N, K] in the form this device's kernels want.</summary>
public abstract class LinearWeight : IDisposable
{
    /// <summary>Output features.</summary>
    public required int N { get; init; }

    /// <summary>Input features.</summary>
    public required int K { get; init; }

    /// <summary>Bytes held.</summary>
    public required long Bytes { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory; called once or more.</summary>
    protected abstract void Dispose(bool disposing);
}

/// <summary>
/// A weight as it lies on disk: one or more tensors stacked along N (q, k, v or gate, up become one).
/// </summary>
public sealed class LinearSource
{
    /// <summary>The parts, in order of their rows.</summary>
    public required IReadOnlyList<LinearPart> Parts { get; init; }

    /// <summary>Output features of all parts.</summary>
    public int N => Parts.Sum(p => p.N);

    /// <summary>Input features.</summary>
    public int K => Parts[0].K;

    /// <summary>What the device should compute with: F32, BF16 or F16.</summary>
    public required DType ComputeType { get; init; }

    /// <summary>Rounds the weight when it is packed; a device that cannot throws Unsupported.</summary>
    public WeightQuantization Quantization { get; init; }

    /// <summary>The output matrix, which a device that rounds every weight keeps at 8 bits or more.</summary>
    public bool IsOutput { get; set; }

    /// <summary>A table whose rows are only looked up: never rounded.</summary>
    public bool IsTable { get; set; }

    /// <summary>What a device that rounds weights rounds this one to if nothing else is asked for: a converted
    /// checkpoint holds its output matrix as floats, which others can read.</summary>
    public WeightQuantization PreferredRounding { get; set; }

    /// <summary>Most weights of the model are rounded: a device that rounds their inputs to 8 bits may hold what is
    /// left of half precision in a type of the same size that it multiplies quicker.</summary>
    public bool IsAmongRounded { get; set; }

    /// <summary>Told now and then, while a device packs, how many more bytes of the parts it has done with.</summary>
    public Action<long>? OnRead { get; set; }

    /// <summary>Other rows, to be packed in the same way.</summary>
    internal LinearSource With(IReadOnlyList<LinearPart> parts) => new()
    {
        Parts = parts,
        ComputeType = ComputeType,
        Quantization = Quantization,
        IsOutput = IsOutput,
        IsTable = IsTable,
        PreferredRounding = PreferredRounding,
        IsAmongRounded = IsAmongRounded,
    };

    /// <summary>The part that a row of the stack is of.</summary>
    /// <param name="row">0 to N - 1.</param>
    /// <param name="rowOfPart">The same counted from the part's first.</param>
    internal LinearPart PartOf(int row, out int rowOfPart)
    {
        foreach (LinearPart part in Parts)
        {
            if (row < part.N)
            {
                rowOfPart = row;
                return part;
            }

            row -= part.N;
        }

        throw new ArgumentOutOfRangeException(nameof(row));
    }
}

/// <summary>What a weight is rounded to when it is packed.</summary>
public enum WeightQuantization
{
    /// <summary>As it lies: blocks of one kind stay blocks where the device multiplies them.</summary>
    None,

    /// <summary>8 bits in groups of 32, symmetric, with a scale of 16 bits: 8.5 bits a weight.</summary>
    Int8,

    /// <summary>4 bits in groups of 32, symmetric, with a scale of 16 bits: 4.5 bits a weight.</summary>
    Int4,

    /// <summary>e4m3 floats with a scale of 32 bits per output: 8 bits a weight.</summary>
    Fp8,
}

/// <summary>Blocks of 32 values that a tensor may be stored in, instead of elements.</summary>
public enum WeightBlocks
{
    /// <summary>Plain elements.</summary>
    None = 0,

    /// <summary>GGUF's Q8_0: an f16 scale and 32 signed bytes, 34 bytes.</summary>
    Q8_0 = 100,

    /// <summary>GGUF's Q4_0: an f16 scale and 32 nibbles of which 8 is zero, 18 bytes.</summary>
    Q4_0 = 101,
}

/// <summary>
/// One tensor of a weight: elements or blocks in mapped host memory, or a matrix in a checkpoint's own form, of which
/// the device takes the integer codes where it has kernels for them and else the floats, some rows at a time.
/// </summary>
/// <param name="N">Rows.</param>
/// <param name="K">Columns.</param>
/// <param name="Type">Element type on disk (F32, F16, BF16).</param>
/// <param name="Address">First element.</param>
/// <param name="RowStride">Elements from row to row (or from column to column if Transposed); of blocks, bytes.</param>
/// <param name="Transposed">True if stored [K, N] (GPT-2's Conv1D).</param>
/// <param name="Blocks">Blocks instead of elements of Type; K is then a multiple of 32.</param>
/// <param name="Matrix">Gives the rows in place of Address; Type is then F32.</param>
/// <param name="FirstRow">First row of Matrix.</param>
public readonly record struct LinearPart(
    int N, int K, DType Type, nint Address, int RowStride, bool Transposed = false,
    WeightBlocks Blocks = WeightBlocks.None, WeightMatrix? Matrix = null, int FirstRow = 0);

/// <summary>Shape of the paged KV memory of a model.</summary>
public sealed class KvStorageShape
{
    /// <summary>Tokens of a block.</summary>
    public required int BlockSize { get; init; }

    /// <summary>Per layer: number of KV heads and width of a head.</summary>
    public required IReadOnlyList<(int NumKvHeads, int HeadDim)> Layers { get; init; }

    /// <summary>Element type of K and V in memory: F32, F16, BF16, I8 (a scale per token and head, the largest
    /// magnitude being 127) or F8E4M3 (a scale per layer, saturating).</summary>
    public required DType Type { get; init; }

    /// <summary>What attention over elements of 8 bits computes in: with BF16 a device may round queries and
    /// probabilities to it.</summary>
    public DType ComputeType { get; init; } = DType.F32;

    /// <summary>Steps may run ahead on a device that can: it then keeps spare blocks for tokens that have none yet.
    /// </summary>
    public bool RunsAhead { get; init; }

    /// <summary>Per layer what F8E4M3 divides by; empty is 1 everywhere.</summary>
    public IReadOnlyList<KvScale> Scales { get; init; } = [];

    /// <summary>The scales of a layer.</summary>
    public KvScale ScaleOf(int layer) => Scales.Count > layer ? Scales[layer] : new KvScale(1, 1);
}

/// <summary>How queries and keys are rotated.</summary>
/// <param name="Query">[maxPositions, RotaryDim], cosines then sines, for queries.</param>
/// <param name="Key">The same for keys.</param>
/// <param name="HeadDim">Width of a head.</param>
/// <param name="RotaryDim">Leading part of each head that turns.</param>
/// <param name="Interleaved">Pairs (2i, 2i + 1) instead of (i, i + RotaryDim / 2).</param>
public readonly record struct RopeTables(
    DeviceBuffer Query, DeviceBuffer Key, int HeadDim, int RotaryDim, bool Interleaved)
{
    internal bool Fits(TensorView x) =>
        HeadDim > 0 && x.Columns % HeadDim == 0 && RotaryDim > 0 && RotaryDim <= HeadDim && RotaryDim % 2 == 0;
}

/// <summary>What keys and values of a layer are divided by before they are rounded to 8 bits.</summary>
/// <param name="Key">Finite and above 0.</param>
/// <param name="Value">Finite and above 0.</param>
public readonly record struct KvScale(float Key, float Value);

/// <summary>The paged KV memory of a model on a device.</summary>
public abstract class KvStorage : IDisposable
{
    /// <summary>Its shape.</summary>
    public required KvStorageShape Shape { get; init; }

    /// <summary>Number of blocks.</summary>
    public required int NumBlocks { get; init; }

    /// <summary>Blocks behind those, for tokens that have no block yet.</summary>
    public virtual Range SpareBlocks => default;

    /// <summary>Bytes held for the blocks.</summary>
    public abstract long Bytes { get; }

    /// <summary>Bytes held for spare ones; a part of what steps take.</summary>
    public virtual long SpareBytes => 0;

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory; called once or more.</summary>
    protected abstract void Dispose(bool disposing);
}
