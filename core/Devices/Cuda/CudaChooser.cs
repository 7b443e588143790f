using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>
/// Lists go up by one copy out of a pinned ring; edited rows lie beside the logits, so that log probabilities find
/// these as they were.
/// </summary>
internal sealed unsafe class CudaChooser : DeviceChooser
{
    // What is copied, what waits behind a step, and what is written.
    private const int NumSlots = 3;

    private readonly CudaDevice _device;
    private readonly CudaContext _context;
    private readonly CudaStaging _staging;
    private readonly long _listBytes;
    private readonly long _idBytes;
    private nint _memory;
    private nint _pinned;
    private nint _slot;

    public CudaChooser(CudaDevice device, ChooserLimits limits)
        : base(limits)
    {
        _device = device;
        _context = device.Context;
        _listBytes = ListBytes(limits);
        _idBytes = CudaArena.Padded((long)limits.MaxRows * sizeof(int));
        _staging = new CudaStaging(_context, NumSlots, _listBytes);
        try
        {
            _memory = _context.AllocateDevice(Bytes, "sampling");
            _pinned = _context.AllocatePinned(ResultBytes(limits.MaxRows, limits.MaxLogprobs), "sampling");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public override long Bytes => BytesFor(Limits);

    public override ReadOnlySpan<int> Tokens => new((void*)_pinned, Limits.MaxRows);

    public static long BytesFor(ChooserLimits limits) =>
        EditedBytes(limits) + ListBytes(limits) + ResultBytes(limits.MaxRows, limits.MaxLogprobs);

    /// <summary>Bytes of a record with the best that may be asked for.</summary>
    public static int RecordBytes(int maxLogprobs) =>
        Unsafe.SizeOf<LogprobRecord>() + (maxLogprobs * Unsafe.SizeOf<ScoredToken>());

    /// <summary>Tokens, then, from a multiple of 256 bytes on, records.</summary>
    public static long ResultBytes(int maxRows, int maxLogprobs) =>
        CudaArena.Padded((long)maxRows * sizeof(int)) + CudaArena.Padded((long)maxRows * RecordBytes(maxLogprobs));

    /// <summary>Reads a record.</summary>
    public static LogprobRecord ReadRecord(nint address, int top, out ReadOnlySpan<ScoredToken> best)
    {
        best = new ReadOnlySpan<ScoredToken>((void*)(address + Unsafe.SizeOf<LogprobRecord>()), top);
        return *(LogprobRecord*)address;
    }

    public override void Run(TensorView logits)
    {
        nint results = _memory + (nint)(EditedBytes(Limits) + _listBytes);
        bool scores = Launch(logits, results, results + (nint)_idBytes, 0);
        _context.CopyToHost(_pinned, results, (long)logits.Rows * sizeof(int));
        if (scores)
        {
            _context.CopyToHost(
                _pinned + (nint)_idBytes, results + (nint)_idBytes,
                (long)logits.Rows * RecordBytes(Limits.MaxLogprobs));
        }

        _context.Synchronize();
    }

    public override LogprobRecord Record(int row, int top, out ReadOnlySpan<ScoredToken> best) =>
        ReadRecord(_pinned + (nint)(_idBytes + ((long)row * RecordBytes(Limits.MaxLogprobs))), top, out best);

    /// <summary>Begins what was asked for.</summary>
    /// <param name="logits">[rows, length] f32.</param>
    /// <param name="ids">Where tokens go.</param>
    /// <param name="records">Where what log probabilities are made of goes.</param>
    /// <param name="tokens">What places of unseen tokens count from.</param>
    /// <returns>True if log probabilities were asked for.</returns>
    public bool Launch(TensorView logits, nint ids, nint records, nint tokens)
    {
        if (logits.Type != DType.F32 || logits.Columns != Limits.RowLength || logits.Rows != Choices.Length)
            throw new ArgumentException("not the rows of the batch", nameof(logits));
        nint edited = _memory, lists = _memory + (nint)EditedBytes(Limits);
        Lists();
        long used = (((long)Used * sizeof(int)) + 7) / 8 * 8;
        nint choices = Add(Choices), edits = Add(Edits), scores = Add(Scores);
        _context.CopyToDevice(lists, _slot, used);
        _staging.Issued();
        _slot = 0;
        if (!Edits.IsEmpty)
        {
            _device.LaunchEdits(
                new EditLogitsArguments
                {
                    Edited = edited,
                    Logits = logits.Address,
                    Rows = edits,
                    Lists = lists,
                    Tokens = tokens,
                    LogitsStride = logits.RowStride,
                    Length = logits.Columns,
                },
                Edits.Length);
        }

        _device.LaunchSample(
            new SampleArguments
            {
                Ids = ids,
                Logits = logits.Address,
                Edited = edited,
                Rows = choices,
                LogitsStride = logits.RowStride,
                Length = logits.Columns,
            },
            logits.Rows);
        if (Scores.IsEmpty) return false;
        _device.LaunchLogprobs(
            new LogprobsArguments
            {
                Records = records,
                Logits = logits.Address,
                Edited = edited,
                Ids = ids,
                Rows = scores,
                LogitsStride = logits.RowStride,
                Length = logits.Columns,
                RecordBytes = RecordBytes(Limits.MaxLogprobs),
            },
            Scores.Length);
        return true;

        nint Add<T>(ReadOnlySpan<T> values)
            where T : unmanaged
        {
            nint at = (nint)used;
            MemoryMarshal.AsBytes(values).CopyTo(new Span<byte>((void*)(_slot + at), (int)(_listBytes - at)));
            used += (((long)values.Length * sizeof(T)) + 7) / 8 * 8;
            return lists + at;
        }
    }

    protected override Span<int> Lists()
    {
        if (_slot == 0) _slot = _staging.Take();
        return new Span<int>((void*)_slot, Limits.MaxRows * Limits.RowInts);
    }

    protected override void Dispose(bool disposing)
    {
        _staging.Dispose();
        _context.FreePinned(Interlocked.Exchange(ref _pinned, 0));
        _context.FreeDevice(Interlocked.Exchange(ref _memory, 0));
    }

    private static long EditedBytes(ChooserLimits limits) =>
        CudaArena.Padded((long)limits.MaxRows * limits.RowLength * sizeof(float));

    private static long ListBytes(ChooserLimits limits) => CudaArena.Padded(
        limits.MaxRows * (((long)limits.RowInts * sizeof(int)) + Unsafe.SizeOf<TokenChoice>()
            + Unsafe.SizeOf<EditRow>() + Unsafe.SizeOf<LogprobRow>()) + 64);
}
