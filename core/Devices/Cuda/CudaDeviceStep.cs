using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>
/// A runner's steps: inputs go up by one copy out of a pinned ring, and steps in which every sequence has one token
/// are recorded per number of sequences and replayed. Where a list lies depends on those numbers alone, so a recording
/// finds the next step's lists where the first step's were.
/// </summary>
internal sealed unsafe class CudaDeviceStep : DeviceStep
{
    private const int NumSlots = 4;
    private const int MaxGroups = 4;
    private const int LeastStride = 16;

    private readonly CudaDevice _device;
    private readonly CudaContext _context;
    private readonly CudaKvStorage _kv;
    private readonly CudaStaging _staging;
    private readonly StepGraphs? _graphs;
    private readonly List<AttentionForms> _forms = [];
    private readonly (nint Host, int Count, nint Device)[] _lists = new (nint, int, nint)[3];
    private readonly long _capacityInts;
    private readonly int _maxNumSeqs;
    private nint _memory;
    private nint _cuSeqlens;
    private nint _deviceCu;
    private nint _deviceLengths;
    private nint _deviceTables;
    private int _stride;

    public CudaDeviceStep(CudaDevice device, StepLimits limits, CudaKvStorage kv)
    {
        _device = device;
        _context = device.Context;
        _kv = kv;
        _maxNumSeqs = limits.MaxNumSeqs;
        _capacityInts = BytesFor(limits) / sizeof(int);
        _staging = new CudaStaging(_context, NumSlots, _capacityInts * sizeof(int));
        try
        {
            _memory = _context.AllocateDevice(_capacityInts * sizeof(int), "a step's lists");
        }
        catch
        {
            _staging.Dispose();
            throw;
        }

        _graphs = device.UsesGraphs ? new StepGraphs(_context, device.GraphSizes) : null;
    }

    public override int SpareBlock => _kv.SpareBlock;

    public override long Bytes => (_capacityInts * sizeof(int)) + _device.Scratch().Bytes;

    /// <summary>
    /// Bytes of the lists of the largest step. Forms of a group may take several parts; room for one of each of four
    /// groups is enough for the usual step, and what does not fit goes up with the call that needs it.
    /// </summary>
    public static long BytesFor(StepLimits limits) => sizeof(int) * (
        (4L * limits.MaxNumTokens) + ((2L + MaxGroups) * (limits.MaxNumSeqs + 1L))
        + ((long)limits.MaxNumSeqs * Stride(limits.MaxBlocksPerSeq)));

    /// <summary>Steps replayed, for tests.</summary>
    public long NumReplays => _graphs?.NumReplays ?? 0;

    /// <summary>Why steps are recorded no more; null while they are.</summary>
    public string? WhyNoGraphs => _graphs?.WhyOff;

    public override int PaddedSequences(int numSeqs, int numTokens) =>
        _graphs is not null && numSeqs == numTokens
            ? Math.Max(numSeqs, Math.Min(_graphs.BucketOf(numSeqs), _maxNumSeqs))
            : numSeqs;

    public override void Begin(in StepMetadata inputs)
    {
        AttentionBatch batch = inputs.Attention;
        int numTokens = inputs.TokenIds.Length, numSeqs = batch.ContextLens.Length;
        _stride = Stride(UsedBlocks(batch));
        nint slot = _staging.Take();
        long used = 0;
        AddList(0, inputs.TokenIds);
        AddList(1, inputs.Positions);
        AddList(2, inputs.SlotMapping);
        _deviceCu = Add(batch.CuSeqlensQ);
        _deviceLengths = Add(batch.ContextLens);
        _cuSeqlens = AddressOf(batch.CuSeqlensQ);
        bool isSingle = AddForms(batch, slot, ref used);
        _deviceTables = _memory + (nint)(used * sizeof(int));
        AddTables(batch, (int*)(slot + (nint)(used * sizeof(int))));
        used += (long)numSeqs * _stride;
        // Behind everything that a recording reads.
        nint places = Add(inputs.TokenPlaces);
        _context.CopyToDevice(_memory, slot, used * sizeof(int));
        _staging.Issued();
        if (inputs.TokenSource is CudaTokens source) _device.LaunchTakeTokens(_memory, source, places, numTokens);
        _device.Enter(this);
        _graphs?.Begin(
            numTokens == numSeqs && isSingle && _graphs.Records(numSeqs)
                ? new StepKey(numSeqs, _stride, _forms.Count, _forms.Exists(f => f.Combines)) : default,
            _device.Scratch().Version);

        void AddList(int index, ReadOnlySpan<int> values) =>
            _lists[index] = (AddressOf(values), values.Length, Add(values));

        nint Add(ReadOnlySpan<int> values)
        {
            nint at = (nint)(used * sizeof(int));
            values.CopyTo(new Span<int>((void*)(slot + at), values.Length));
            used += values.Length;
            return _memory + at;
        }
    }

    public override bool TryReplay(out TensorView hidden)
    {
        hidden = default;
        return _graphs is not null && _graphs.TryReplay(out hidden);
    }

    public override bool TryCapture() => _graphs is not null && _graphs.TryCapture();

    public override bool EndCapture(TensorView hidden) => _graphs!.EndCapture(hidden);

    public override bool TryAbandonCapture(EngineException failure) =>
        _graphs is not null && _graphs.TryAbandon(failure);

    public override void End()
    {
        _graphs?.End();
        _device.Leave();
        _cuSeqlens = 0;
        Array.Clear(_lists);
    }

    /// <summary>The address on the device of a span of the step's inputs.</summary>
    public bool TryResolve(ReadOnlySpan<int> values, out nint address)
    {
        nint host = AddressOf(values);
        foreach ((nint first, int count, nint device) in _lists)
        {
            if (host < first || host + (values.Length * sizeof(int)) > first + (count * sizeof(int))) continue;
            address = device + (host - first);
            return true;
        }

        address = 0;
        return false;
    }

    /// <summary>Sets the lists of the step's own batch; false for another one.</summary>
    public bool TryPlace(in AttentionBatch batch, ref AttentionArguments arguments)
    {
        if (AddressOf(batch.CuSeqlensQ) != _cuSeqlens) return false;
        arguments.CuSeqlensQ = _deviceCu;
        arguments.ContextLens = _deviceLengths;
        arguments.BlockTables = _deviceTables;
        arguments.MaxBlocks = _stride;
        return true;
    }

    /// <summary>How the step's batch divides for a group; one that is new goes up at once.</summary>
    public AttentionForms Forms(in AttentionBatch batch, int group)
    {
        AttentionForms? forms = null;
        foreach (AttentionForms known in _forms)
        {
            if (known.Group == group) forms = known;
        }

        if (forms is not null && forms.Address != 0) return forms;
        if (forms is null)
        {
            forms = new AttentionForms(group);
            if (_forms.Count < MaxGroups) _forms.Add(forms);
            forms.Read(batch, _device.Scratch().NumChunks);
        }

        // The memory is this group's until the step ends, so that all layers share one copy.
        nint address = _device.UploadFor(forms);
        forms.Address = address;
        return forms;
    }

    protected override void Dispose(bool disposing)
    {
        _graphs?.Dispose();
        _staging.Dispose();
        nint memory = Interlocked.Exchange(ref _memory, 0);
        _context.FreeDevice(memory);
    }

    private static int Stride(int blocks) =>
        (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(blocks, LeastStride));

    private static nint AddressOf(ReadOnlySpan<int> values) =>
        (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(values));

    private int UsedBlocks(in AttentionBatch batch)
    {
        int longest = 0;
        foreach (int length in batch.ContextLens) longest = Math.Max(longest, length);
        return Math.Min((longest + _kv.Shape.BlockSize - 1) / _kv.Shape.BlockSize, batch.MaxBlocksPerRequest);
    }

    // Forms of the groups that layers have asked for so far. False if some take more than one launch.
    private bool AddForms(in AttentionBatch batch, nint slot, ref long used)
    {
        bool isSingle = true;
        long room = (long)MaxGroups * (batch.ContextLens.Length + 1);
        foreach (AttentionForms forms in _forms)
        {
            forms.Read(batch, _device.Scratch().NumChunks);
            forms.Address = 0;
            isSingle &= forms.NumParts <= 1;
            if (forms.NumInts > room) continue;
            nint at = (nint)(used * sizeof(int));
            forms.ChunkStarts.CopyTo(new Span<int>((void*)(slot + at), forms.NumInts));
            forms.Address = _memory + at;
            used += forms.NumInts;
            room -= forms.NumInts;
        }

        return isSingle;
    }

    private void AddTables(in AttentionBatch batch, int* target)
    {
        for (int s = 0; s < batch.ContextLens.Length; s++)
        {
            int count = (batch.ContextLens[s] + _kv.Shape.BlockSize - 1) / _kv.Shape.BlockSize;
            batch.BlockTables.Slice(s * batch.MaxBlocksPerRequest, count)
                .CopyTo(new Span<int>(target + ((long)s * _stride), count));
        }
    }
}
