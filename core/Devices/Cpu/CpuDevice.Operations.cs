using Engine.Memory;

namespace Engine.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    /// <inheritdoc/>
    public void Embed(TensorView y, LinearWeight table, ReadOnlySpan<int> ids, float scale)
    {
        CpuWeight rows = Own(table);
        Require(ids.Length == y.Rows, nameof(ids));
        CpuKernels.Matrix m = Matrix(y);
        fixed (int* first = ids)
        {
            if (rows.IsTable)
            {
                Require(y.Columns == rows.K, nameof(y));
                Check(
                    CpuKernels.Embed(_context, &m, rows.Address, rows.Format, rows.N, first, scale),
                    nameof(Embed));
                return;
            }

            EmbedPacked(rows, m, first, scale);
        }
    }

    /// <inheritdoc/>
    public void Linear(TensorView y, TensorView x, LinearWeight weight, DeviceBuffer? bias, bool accumulate)
    {
        CpuWeight own = Own(weight);
        Require(!own.IsTable, nameof(weight));
        Require(bias is null || bias.Bytes >= (long)own.N * sizeof(float), nameof(bias));
        CpuKernels.Matrix my = Matrix(y), mx = Matrix(x);
        Require(y.Columns == own.N, nameof(y));
        nint first = my.Data;
        foreach (CpuSegment segment in own.Segments)
        {
            CpuKernels.Weight w = Weight(own, segment);
            float* b = bias is null ? null : Floats(bias) + segment.FirstRow;
            my.Data = first + (segment.FirstRow * sizeof(float));
            my.Columns = segment.N;
            Check(CpuKernels.Linear(_context, &my, &mx, &w, b, accumulate ? 1 : 0), nameof(Linear));
        }
    }

    private void EmbedPacked(CpuWeight table, CpuKernels.Matrix y, int* ids, float scale)
    {
        if (table.Segments.Length == 1)
        {
            CpuKernels.Weight whole = Weight(table, table.Segments[0]);
            Check(CpuKernels.EmbedPacked(_context, &y, &whole, ids, scale), nameof(Embed));
            return;
        }

        CpuKernels.Matrix row = y;
        row.Rows = 1;
        for (long i = 0; i < y.Rows; i++, row.Data += (nint)(y.RowStride * sizeof(float)))
        {
            int at = 0;
            while (at + 1 < table.Segments.Length && table.Segments[at + 1].FirstRow <= ids[i]) at++;
            CpuSegment segment = table.Segments[at];
            CpuKernels.Weight weight = Weight(table, segment);
            int id = ids[i] - segment.FirstRow;
            Check(CpuKernels.EmbedPacked(_context, &row, &weight, &id, scale), nameof(Embed));
        }
    }

    /// <inheritdoc/>
    public void RmsNorm(
        TensorView y, TensorView x, DeviceBuffer? weight, float epsilon, float weightOffset = 0, int groups = 1)
    {
        Require(groups > 0 && (weight is null || Holds(weight, x.Columns / groups)), nameof(weight));
        CpuKernels.Matrix my = Matrix(y), mx = Matrix(x);
        Check(
            CpuKernels.RmsNorm(_context, &my, &mx, Floats(weight), epsilon, weightOffset, groups),
            nameof(RmsNorm));
    }

    /// <inheritdoc/>
    public void LayerNorm(
        TensorView y, TensorView x, DeviceBuffer weight, DeviceBuffer? bias, float epsilon, int groups = 1,
        bool perGroupWeight = false)
    {
        int count = perGroupWeight ? x.Columns : x.Columns / Math.Max(groups, 1);
        Require(Holds(weight, count), nameof(weight));
        Require(bias is null || Holds(bias, count), nameof(bias));
        CpuKernels.Matrix my = Matrix(y), mx = Matrix(x);
        Check(
            CpuKernels.LayerNorm(
                _context, &my, &mx, Floats(weight), Floats(bias), epsilon, groups, perGroupWeight ? 1 : 0),
            nameof(LayerNorm));
    }

    /// <inheritdoc/>
    public void AddScaled(TensorView y, TensorView x, float scale = 1f)
    {
        CpuKernels.Matrix my = Matrix(y), mx = Matrix(x);
        Check(CpuKernels.AddScaled(_context, &my, &mx, scale), nameof(AddScaled));
    }

    /// <inheritdoc/>
    public void Scale(TensorView x, float scale)
    {
        CpuKernels.Matrix m = Matrix(x);
        Check(CpuKernels.Scale(_context, &m, scale), nameof(Scale));
    }

    /// <inheritdoc/>
    public void SoftCap(TensorView x, float cap)
    {
        CpuKernels.Matrix m = Matrix(x);
        Check(CpuKernels.SoftCap(_context, &m, cap), nameof(SoftCap));
    }

    /// <inheritdoc/>
    public void Activate(TensorView y, TensorView x, Activation activation)
    {
        CpuKernels.Matrix my = Matrix(y), mx = Matrix(x);
        Check(CpuKernels.Activate(_context, &my, &mx, (int)activation), nameof(Activate));
    }

    /// <inheritdoc/>
    public void ActivateAndMultiply(TensorView y, TensorView gateUp, Activation activation)
    {
        CpuKernels.Matrix my = Matrix(y), mx = Matrix(gateUp);
        Check(
            CpuKernels.ActivateMultiply(_context, &my, &mx, (int)activation), nameof(ActivateAndMultiply));
    }

    /// <inheritdoc/>
    public void Rope(
        TensorView x, ReadOnlySpan<int> positions, DeviceBuffer cosSin, int headDim, int rotaryDim,
        bool interleaved)
    {
        Require(positions.Length == x.Rows, nameof(positions));
        Require(rotaryDim > 0, nameof(rotaryDim));
        CpuKernels.Matrix m = Matrix(x);
        fixed (int* first = positions)
        {
            Check(
                CpuKernels.Rope(
                    _context, &m, first, Floats(cosSin), cosSin.Bytes / (rotaryDim * sizeof(float)), headDim,
                    rotaryDim, interleaved ? 1 : 0),
                nameof(Rope));
        }
    }

    /// <inheritdoc/>
    public void WriteKv(
        KvStorage storage, int layer, TensorView key, TensorView value, ReadOnlySpan<int> slotMapping)
    {
        Require(slotMapping.Length == key.Rows, nameof(slotMapping));
        CpuKernels.Kv kv = Own(storage).Layer(layer);
        CpuKernels.Matrix mk = Matrix(key), mv = Matrix(value);
        fixed (int* first = slotMapping)
        {
            Check(CpuKernels.KvWrite(_context, &kv, &mk, &mv, first), nameof(WriteKv));
        }
    }

    /// <inheritdoc/>
    public void Attention(
        TensorView output, TensorView query, KvStorage storage, int layer, in AttentionSettings settings,
        in AttentionBatch batch)
    {
        CpuKernels.Kv kv = Own(storage).Layer(layer);
        Require(settings.NumKvHeads == kv.NumKvHeads && settings.HeadDim == kv.HeadDim, nameof(settings));
        Require(
            settings.AlibiSlopes is null || Holds(settings.AlibiSlopes, settings.NumHeads), nameof(settings));
        int requests = batch.ContextLens.Length;
        Require(
            batch.CuSeqlensQ.Length == requests + 1
                && batch.BlockTables.Length >= (long)requests * batch.MaxBlocksPerRequest,
            nameof(batch));
        CpuKernels.Matrix mo = Matrix(output), mq = Matrix(query);
        var native = new CpuKernels.Settings
        {
            NumHeads = settings.NumHeads,
            Scale = settings.Scale,
            SlidingWindow = settings.SlidingWindow,
            SoftCap = settings.SoftCap,
            Bidirectional = settings.IsBidirectional ? 1 : 0,
            AlibiSlopes = Floats(settings.AlibiSlopes),
        };
        fixed (int* cu = batch.CuSeqlensQ, contexts = batch.ContextLens, tables = batch.BlockTables)
        {
            var rows = new CpuKernels.Batch
            {
                CuSeqlensQ = cu,
                ContextLens = contexts,
                BlockTables = tables,
                NumRequests = requests,
                MaxBlocks = batch.MaxBlocksPerRequest,
            };
            Check(CpuKernels.Attention(_context, &mo, &mq, &kv, &native, &rows), nameof(Attention));
        }
    }

    /// <inheritdoc/>
    public void GatherRows(TensorView y, TensorView x, ReadOnlySpan<int> rowIndices)
    {
        Require(rowIndices.Length == y.Rows, nameof(rowIndices));
        CpuKernels.Matrix my = Matrix(y), mx = Matrix(x);
        fixed (int* first = rowIndices)
        {
            Check(CpuKernels.GatherRows(_context, &my, &mx, first), nameof(GatherRows));
        }
    }

    /// <inheritdoc/>
    public void CopyBlocks(KvStorage storage, ReadOnlySpan<BlockCopy> copies)
    {
        CpuKvStorage own = Own(storage);
        fixed (BlockCopy* pairs = copies)
        {
            for (int i = 0; i < own.Shape.Layers.Count; i++)
            {
                CpuKernels.Kv kv = own.Layer(i);
                Check(CpuKernels.KvCopyBlocks(_context, &kv, pairs, copies.Length), nameof(CopyBlocks));
            }
        }
    }

    /// <inheritdoc/>
    public void Download(Span<float> destination, TensorView source)
    {
        Require(source.Type == DType.F32, nameof(source));
        Require(destination.Length >= (long)source.Rows * source.Columns, nameof(destination));
        for (int r = 0; r < source.Rows; r++)
        {
            new ReadOnlySpan<float>((float*)source.Address + ((long)r * source.RowStride), source.Columns)
                .CopyTo(destination[(r * source.Columns)..]);
        }
    }

    private static CpuKernels.Matrix Matrix(TensorView view)
    {
        Require(view.Type == DType.F32, nameof(view));
        return new CpuKernels.Matrix
        {
            Data = view.Address,
            Rows = view.Rows,
            Columns = view.Columns,
            RowStride = view.RowStride,
        };
    }

    private CpuKernels.Weight Weight(CpuWeight weight, CpuSegment segment) => new()
    {
        Data = weight.Address + (nint)segment.Offset,
        N = segment.N,
        K = weight.K,
        Format = segment.Format,
        Activation = ActivationPrecision == ActivationPrecision.Auto
            ? (int)ActivationPrecision.Bits8
            : (int)ActivationPrecision,
        InputKind = (int)segment.Inputs.Rounding,
        InputZero = segment.Inputs.Zero,
        InputScale = segment.Inputs.Scale,
        Order = segment.OrderOffset < 0 ? null : (int*)(weight.Address + (nint)segment.OrderOffset),
    };

    private static float* Floats(DeviceBuffer? buffer) => buffer is null ? null : (float*)buffer.Address;

    private static bool Holds(DeviceBuffer buffer, int count) => buffer.Bytes >= (long)count * sizeof(float);

    private static CpuWeight Own(LinearWeight weight) =>
        weight as CpuWeight ?? throw new ArgumentException("a weight of another device", nameof(weight));

    private static CpuKvStorage Own(KvStorage storage) =>
        storage as CpuKvStorage ?? throw new ArgumentException("KV memory of another device", nameof(storage));

    private static void Require(bool condition, string argument)
    {
        if (!condition) throw new ArgumentException("shape or type does not fit", argument);
    }
}
