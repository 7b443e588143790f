using Engine.Memory;

namespace Engine.Devices.Cuda;

internal sealed unsafe partial class CudaDevice
{
    // Rows of x whose columns are put in a weight's own order at a time, and that are rounded at a time.
    private const int OrderedRows = 256;
    private const int RoundedRows = 1024;

    private readonly CudaRoom _ordered = new();
    private readonly CudaRoom _rounded = new();

    /// <inheritdoc/>
    public LinearWeight PackLinear(LinearSource source) => Pack(source, source.IsOutput);

    /// <inheritdoc/>
    public long PackedLinearBytes(LinearSource source)
    {
        CudaWeightPlan plan = CudaWeightPlan.Of(source, ActivationType, source.IsOutput, FollowsInputs);
        foreach ((CudaSegment segment, _) in plan.Segments)
        {
            _ordered.Plan(OrderedBytes(segment));
            _rounded.Plan(RoundedInputs.BytesFor(segment, ActivationType, RoundedRows));
        }

        return CudaLayout.PackedBytes(source, ActivationType, source.IsOutput, FollowsInputs);
    }

    /// <inheritdoc/>
    public LinearWeight PackEmbedding(LinearSource source) => Pack(source, true);

    /// <inheritdoc/>
    public long PackedEmbeddingBytes(LinearSource source) =>
        CudaLayout.PackedBytes(source, ActivationType, true, FollowsInputs);

    private long OrderedBytes(CudaSegment segment) =>
        segment.IsOrdered ? (long)OrderedRows * segment.K * ActivationType.SizeOf() : 0;

    private CudaWeight Pack(LinearSource source, bool isTable)
    {
        CudaLayout.Check(source);
        _wgmma?.Reserve();
        _cublasLt?.Reserve();
        CudaWeightPlan plan = CudaWeightPlan.Of(source, ActivationType, isTable, FollowsInputs);
        Arena.Piece piece = _weights.Allocate(plan.Bytes);
        try
        {
            foreach ((CudaSegment segment, LinearSource run) in plan.Segments)
            {
                Send(segment, run, piece.Address + (nint)segment.Offset);
                _ordered.Ensure(_activations, OrderedBytes(segment));
                _rounded.Ensure(_activations, RoundedInputs.BytesFor(segment, ActivationType, RoundedRows));
            }
        }
        catch
        {
            piece.Dispose();
            throw;
        }

        return new CudaWeight(piece, [.. plan.Segments.Select(s => s.Segment)])
        {
            N = source.N,
            K = source.K,
            Bytes = plan.Bytes,
        };
    }

    private void Send(CudaSegment segment, LinearSource source, nint target)
    {
        long rowBytes = Math.Max(segment.AllRowBytes, 1);
        CudaStaging transfer = Transfer(rowBytes * CudaCodes.BlockRows);
        int perSlot = (int)Math.Min(1 << 20, transfer.SlotBytes / rowBytes) / CudaCodes.BlockRows * CudaCodes.BlockRows;
        for (int row = 0; row < segment.N; row += perSlot)
        {
            int count = Math.Min(perSlot, segment.N - row);
            nint slot = transfer.Take();
            if (segment.Codes is null) CudaRows.Write(source, row, count, segment.Type, slot);
            else CudaCodeRows.Write(segment, source, row, count, slot);
            for (int i = 0; i < CudaSegment.NumPlanes; i++)
            {
                CodePlane plane = (CodePlane)i;
                long bytes = segment.PlaneBytes(plane, count);
                nint at = target + (nint)(segment.PlaneOffset(plane) + (row * segment.RowBytes(plane)));
                Gpu.CopyToDevice(at, slot, bytes);
                slot += (nint)bytes;
            }

            transfer.Issued();
        }

        if (segment.Codes?.Table is float[] table) Send<float>(table, target + (nint)segment.TableOffset);
        if (segment.IsOrdered) Send<int>(source.Parts[0].Matrix!.InputOrder!, target + (nint)segment.OrderOffset);
    }

    // A list that fits a slot at once, or in several.
    private void Send<T>(ReadOnlySpan<T> values, nint target)
        where T : unmanaged
    {
        CudaStaging transfer = Transfer();
        int perSlot = (int)(transfer.SlotBytes / sizeof(T));
        for (int at = 0; at < values.Length; at += perSlot)
        {
            ReadOnlySpan<T> run = values.Slice(at, Math.Min(perSlot, values.Length - at));
            nint slot = transfer.Take();
            run.CopyTo(new Span<T>((void*)slot, run.Length));
            Gpu.CopyToDevice(target + ((nint)at * sizeof(T)), slot, (long)run.Length * sizeof(T));
            transfer.Issued();
        }
    }
}
