using Engine.Memory;

namespace Engine.Devices.Cuda;

internal sealed unsafe partial class CudaDevice
{
    private const int AttentionThreads = 128;
    private AttentionScratch? _scratch;
    private CudaDeviceStep? _step;

    /// <inheritdoc/>
    public DeviceStep CreateStep(StepLimits limits, KvStorage storage)
    {
        CudaKvStorage kv = Own(storage);
        Scratch().Ensure(kv.Shape, ActivationType, ScratchChunks(limits, kv.Shape));
        return new CudaDeviceStep(this, limits, kv);
    }

    /// <inheritdoc/>
    public void WriteKv(
        KvStorage storage, int layer, TensorView key, TensorView value, ReadOnlySpan<int> slotMapping)
    {
        WriteKvArguments arguments = Written(storage, layer, key, value, slotMapping);
        Launch(_kernels.WriteKv.For(key.Type), arguments, (key.Rows, arguments.NumKvHeads, 1), AttentionThreads);
    }

    /// <inheritdoc/>
    public void RopeAndWriteKv(
        TensorView query, TensorView key, TensorView value, in RopeTables rope, ReadOnlySpan<int> positions,
        KvStorage storage, int layer, ReadOnlySpan<int> slotMapping)
    {
        Require(positions.Length == query.Rows && query.Rows == key.Rows && query.Type == key.Type, nameof(query));
        Require(rope.Fits(query) && rope.HeadDim == Own(storage).Shape.Layers[layer].HeadDim, nameof(rope));
        KvRopeArguments arguments = new()
        {
            Kv = Written(storage, layer, key, value, slotMapping),
            Query = query.Address,
            Positions = Resolve(positions),
            QueryCosSin = rope.Query.Address,
            KeyCosSin = rope.Key.Address,
            QueryStride = query.RowStride,
            NumHeads = query.Columns / rope.HeadDim,
            RotaryDim = rope.RotaryDim,
            Interleaved = rope.Interleaved ? 1 : 0,
        };
        Launch(
            _kernels.KvRope.For(key.Type), arguments, (key.Rows, arguments.NumHeads + arguments.Kv.NumKvHeads, 1),
            RopeThreads);
    }

    private WriteKvArguments Written(
        KvStorage storage, int layer, TensorView key, TensorView value, ReadOnlySpan<int> slotMapping)
    {
        CudaKvStorage kv = Own(storage);
        (int heads, int headDim) = kv.Shape.Layers[layer];
        Require(slotMapping.Length == key.Rows && key.Columns == heads * headDim && Same(key, value), nameof(key));
        (nint keys, nint values) = kv.Layer(layer);
        return new WriteKvArguments
        {
            Keys = keys,
            Values = values,
            Key = key.Address,
            Value = value.Address,
            Slots = Resolve(slotMapping),
            KeyStride = key.RowStride,
            ValueStride = value.RowStride,
            Rows = key.Rows,
            NumKvHeads = heads,
            HeadDim = headDim,
            KvType = (int)kv.Shape.Type,
            KeyScale = kv.Shape.ScaleOf(layer).Key,
            ValueScale = kv.Shape.ScaleOf(layer).Value,
        };
    }

    /// <inheritdoc/>
    public void Attention(
        TensorView output, TensorView query, KvStorage storage, int layer, in AttentionSettings settings,
        in AttentionBatch batch)
    {
        CudaKvStorage kv = Own(storage);
        Require(
            kv.Shape.Layers[layer] == (settings.NumKvHeads, settings.HeadDim)
                && settings.NumHeads % settings.NumKvHeads == 0, nameof(settings));
        Require(
            Same(output, query) && query.Columns == settings.NumHeads * settings.HeadDim, nameof(query));
        Require(
            settings.AlibiSlopes is null || Holds(settings.AlibiSlopes, settings.NumHeads), nameof(settings));
        (nint keys, nint values) = kv.Layer(layer);
        AttentionArguments arguments = new()
        {
            Output = output.Address,
            Query = query.Address,
            Keys = keys,
            Values = values,
            AlibiSlopes = settings.AlibiSlopes?.Address ?? 0,
            OutputStride = output.RowStride,
            QueryStride = query.RowStride,
            NumSequences = batch.ContextLens.Length,
            BlockSize = kv.Shape.BlockSize,
            NumHeads = settings.NumHeads,
            NumKvHeads = settings.NumKvHeads,
            HeadDim = settings.HeadDim,
            SlidingWindow = settings.SlidingWindow,
            KvType = (int)kv.Shape.Type,
            Scale = settings.Scale,
            SoftCap = settings.SoftCap,
            KeyScale = kv.Shape.ScaleOf(layer).Key,
            ValueScale = kv.Shape.ScaleOf(layer).Value,
        };
        if (!AttentionScratch.UsesTensorCores(settings.HeadDim, kv.Shape.Type, query.Type)
            || !HasTensorCoreAttention(settings.HeadDim, kv.Shape.Type, query.Type))
        {
            Place(batch, 0, kv, ref arguments);
            Launch(
                _kernels.AttentionAny.For(query.Type), arguments, (query.Rows, settings.NumHeads, 1),
                AttentionThreads, AttentionAnySharedBytes);
            return;
        }

        AttentionForms forms = Place(batch, settings.NumHeads / settings.NumKvHeads, kv, ref arguments)!;
        LaunchForms(forms, arguments, kv.Shape.Type, query.Type, query.Rows);
    }

    // So many chunks at once; a step with more of them takes several launches.
    private static int ScratchChunks(StepLimits limits, KvStorageShape shape) => Math.Max(
        AttentionForms.Chunks(checked(limits.MaxBlocksPerSeq * shape.BlockSize)), 4 * limits.MaxNumSeqs);

    internal CudaModules Modules => _modules;

    internal AttentionScratch Scratch() => _scratch ??= new AttentionScratch(Gpu);

    /// <summary>From here on spans of these inputs are found on the device.</summary>
    internal void Enter(CudaDeviceStep step) => _step = step;

    internal void Leave() => _step = null;

    /// <summary>Uploads a group's lists outside of the step's own copy.</summary>
    internal nint UploadFor(AttentionForms forms) => _uploads.Upload(forms.ChunkStarts);

    // What a head's width and the GPU allow: the same for every batch.
    private bool HasTensorCoreAttention(int headDim, DType kv, DType type)
    {
        bool isNarrow = kv == DType.F8E4M3;
        int columns = AttentionScratch.Columns(headDim, kv);
        AttentionKernels kernels = _kernels.Attention(columns, isNarrow);
        int shared = Math.Max(
            AttentionTiledSharedBytes(columns, isNarrow), AttentionSplitSharedBytes(columns, isNarrow));
        return shared <= Gpu.SharedBytesMax && kernels.Tiled.Has(type) && kernels.Split.Has(type)
            && kernels.Combine.Has(type);
    }

    private void LaunchForms(AttentionForms forms, AttentionArguments arguments, DType kv, DType type, int rows)
    {
        bool isNarrow = kv == DType.F8E4M3;
        int columns = AttentionScratch.Columns(arguments.HeadDim, kv);
        AttentionKernels kernels = _kernels.Attention(columns, isNarrow);
        if (forms.HasTiled)
        {
            LaunchTiles(kernels, arguments, type, forms.MaxTiledQueries, columns, isNarrow);
        }

        // The same bits with bulk copies as without.
        int shared = AttentionSplitSharedBytes(columns, isNarrow);
        bool isBulk = kernels.Bulk.Has(type) && shared + AttentionBulkSharedBytes <= Gpu.SharedBytesMax;
        arguments.Partials = Scratch().Partials;
        for (int part = 0; part < forms.NumParts; part++)
        {
            arguments.ChunkStarts = forms.Address + (part * (arguments.NumSequences + 1) * sizeof(int));
            Launch(
                (isBulk ? kernels.Bulk : kernels.Split).For(type), arguments, (2 * Gpu.NumMultiprocessors, 1, 1),
                AttentionThreads, isBulk ? shared + AttentionBulkSharedBytes : shared);
            if (!forms.Combines) continue;
            Launch(kernels.Combine.For(type), arguments, (rows, arguments.NumHeads, 1), columns);
        }
    }

    private void LaunchTiles(
        AttentionKernels kernels, in AttentionArguments arguments, DType type, int maxQueries, int columns,
        bool isNarrow)
    {
        int rows = maxQueries * (arguments.NumHeads / arguments.NumKvHeads);
        int shared = AttentionWgmmaSharedBytes(columns);
        bool isWgmma = _usesWgmmaAttention && kernels.Wgmma.Has(type) && shared <= Gpu.SharedBytesMax;
        if (!isWgmma) shared = AttentionTiledSharedBytes(columns, isNarrow);
        Launch(
            (isWgmma ? kernels.Wgmma : kernels.Tiled).For(type), arguments,
            (Up(rows, isWgmma ? 128 : 64), arguments.NumKvHeads, arguments.NumSequences),
            isWgmma ? AttentionWgmmaThreads : AttentionThreads, shared);
    }

    // The batch's lists on the device: the step's, or uploaded for this call. A group of 0 takes no forms.
    private AttentionForms? Place(
        in AttentionBatch batch, int group, CudaKvStorage kv, ref AttentionArguments arguments)
    {
        int numSeqs = batch.ContextLens.Length;
        Require(
            batch.CuSeqlensQ.Length == numSeqs + 1
                && batch.BlockTables.Length >= (long)numSeqs * batch.MaxBlocksPerRequest, nameof(batch));
        if (_step is not null && _step.TryPlace(batch, ref arguments))
        {
            return group == 0 ? null : _step.Forms(batch, group);
        }

        AttentionForms? forms = group == 0 ? null : Forms(batch, group, kv);
        _uploads.Begin((2L * numSeqs) + 1 + batch.BlockTables.Length + (forms?.NumInts ?? 0));
        arguments.CuSeqlensQ = _uploads.Add(batch.CuSeqlensQ);
        arguments.ContextLens = _uploads.Add(batch.ContextLens);
        arguments.BlockTables = _uploads.Add(batch.BlockTables);
        arguments.MaxBlocks = batch.MaxBlocksPerRequest;
        if (forms is not null) forms.Address = _uploads.Add(forms.ChunkStarts);
        _uploads.End();
        return forms;
    }

    private AttentionForms Forms(in AttentionBatch batch, int group, CudaKvStorage kv)
    {
        int chunks = 0;
        foreach (int length in batch.ContextLens) chunks = Math.Max(chunks, AttentionForms.Chunks(length));
        Scratch().Ensure(kv.Shape, ActivationType, chunks);
        AttentionForms forms = new(group);
        forms.Read(batch, Scratch().NumChunks);
        return forms;
    }

    /// <summary>The address of a list on the device: a part of the step's inputs, or uploaded for this call.</summary>
    private nint Resolve(ReadOnlySpan<int> values) =>
        _step is not null && _step.TryResolve(values, out nint address) ? address : _uploads.Upload(values);
}
