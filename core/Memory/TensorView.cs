namespace Engine.Memory;

/// <summary>
/// Rows of device memory that somebody else owns: [Rows, Columns], row stride in elements.
/// A view never owns and never outlives its buffer.
/// </summary>
public readonly ref struct TensorView
{
    /// <summary>Creates a view.</summary>
    public TensorView(nint address, DType type, int rows, int columns, int rowStride)
    {
        Address = address;
        Type = type;
        Rows = rows;
        Columns = columns;
        RowStride = rowStride;
    }

    /// <summary>Address of element [0, 0] on the device.</summary>
    public nint Address { get; }

    /// <summary>Element type.</summary>
    public DType Type { get; }

    /// <summary>Number of rows (tokens, nearly always).</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Elements from one row to the next.</summary>
    public int RowStride { get; }

    /// <summary>Columns [start, start + count) of the same rows.</summary>
    public TensorView Slice(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Columns);
        return new TensorView(Address + (nint)start * Type.SizeOf(), Type, Rows, count, RowStride);
    }

    /// <summary>Rows [start, start + count).</summary>
    public TensorView SliceRows(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Rows);
        return new TensorView(
            Address + (nint)start * RowStride * Type.SizeOf(), Type, count, Columns, RowStride);
    }
}
