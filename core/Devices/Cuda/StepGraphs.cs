using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>What a recording depends on: equal keys mean equal launches.</summary>
/// <param name="NumSeqs">Sequences, each with one token; 0 is a step that is not recorded.</param>
/// <param name="Stride">Blocks of a row of the block tables.</param>
/// <param name="NumGroups">Group sizes of attention known by then.</param>
/// <param name="Combines">Attention has partial results to combine.</param>
internal readonly record struct StepKey(int NumSeqs, int Stride, int NumGroups, bool Combines);

/// <summary>
/// Recorded forward passes. A step of a new kind runs as it is, the next one of that kind is recorded, those after it
/// are replayed: by then every kernel is loaded, which no recording may do. Where recording or replaying fails, and the
/// device is still there, steps run as they are from then on.
/// </summary>
internal sealed class StepGraphs(CudaContext context, int[]? sizes = null) : IDisposable
{
    private const int MaxGraphs = 128;
    private readonly Dictionary<StepKey, Recording?> _recordings = [];
    private StepKey _key;
    private int _version;

    /// <summary>Why nothing is recorded any more, or null.</summary>
    public string? WhyOff { get; private set; }

    public long NumReplays { get; private set; }

    public int NumGraphs { get; private set; }

    /// <summary>Sizes as options name them, ascending, or null for those of Bucket.</summary>
    /// <param name="sizes">In any order; null is those of Bucket.</param>
    /// <param name="max">The largest; null is the last of them.</param>
    /// <exception cref="EngineException">InvalidArgument: one that is no size.</exception>
    public static int[]? Sizes(IReadOnlyList<int>? sizes, int? max)
    {
        const int FineMax = 512;
        if (max is < 0)
        {
            throw EngineException.Invalid("max_cudagraph_capture_size", $"expected 0 or more, found {max}");
        }

        if (sizes is null && max is null) return null;
        foreach (int size in sizes ?? [])
        {
            if (size > 0) continue;
            throw EngineException.Invalid("cudagraph_capture_sizes", $"expected sizes above 0, found {size}");
        }

        int last = max ?? int.MaxValue;
        return
        [
            .. (sizes ?? [.. Enumerable.Range(1, Math.Min(last, FineMax)).Select(Bucket)])
                .Where(s => s <= last).Distinct().Order(),
        ];
    }

    /// <summary>The number of sequences that a step of so many is padded to, if it is recorded.</summary>
    public int BucketOf(int numSeqs)
    {
        if (sizes is null) return Bucket(numSeqs);
        int at = Array.BinarySearch(sizes, numSeqs);
        return at >= 0 || ~at == sizes.Length ? numSeqs : sizes[~at];
    }

    /// <summary>True if a step of so many sequences, padded, is recorded.</summary>
    public bool Records(int numSeqs) => sizes is null || (sizes.Length > 0 && numSeqs <= sizes[^1]);

    /// <summary>The number of sequences that a step of so many is padded to by default.</summary>
    public static int Bucket(int numSeqs)
    {
        const int FineMax = 256;
        const int Max = 512;
        int unit = numSeqs <= FineMax ? 8 : 16;
        return numSeqs switch
        {
            <= 2 => numSeqs,
            <= 4 => 4,
            > Max => numSeqs,
            _ => (numSeqs + unit - 1) / unit * unit,
        };
    }

    /// <summary>Begins a step.</summary>
    /// <param name="key">Of the step; default is not recorded.</param>
    /// <param name="version">Recordings of another version use memory that has moved.</param>
    public void Begin(StepKey key, int version)
    {
        if (version != _version)
        {
            Clear();
            _version = version;
        }

        _key = WhyOff is null ? key : default;
    }

    public bool TryReplay(out TensorView hidden)
    {
        hidden = default;
        if (_key == default || !_recordings.TryGetValue(_key, out Recording? found) || found is null) return false;
        try
        {
            context.LaunchGraph(found.Executable);
        }
        catch (EngineException e) when (e.Status != EngineStatus.DeviceLost)
        {
            GiveUp(e);
            return false;
        }

        NumReplays++;
        hidden = new TensorView(found.Address, found.Type, found.Rows, found.Columns, found.RowStride);
        return true;
    }

    public bool TryCapture()
    {
        if (_key == default || _recordings.Count > MaxGraphs) return false;
        if (_recordings.TryAdd(_key, null)) return false;
        try
        {
            context.BeginCapture();
            return true;
        }
        catch (EngineException e) when (e.Status != EngineStatus.DeviceLost)
        {
            GiveUp(e);
            return false;
        }
    }

    /// <summary>An operation failed while it was recorded: true if the step is to be done as it is, for nothing of it
    /// has been done.</summary>
    public bool TryAbandon(EngineException failure)
    {
        if (!context.IsCapturing || failure.Status == EngineStatus.DeviceLost) return false;
        context.AbandonCapture();
        GiveUp(failure);
        return context.Lost is null;
    }

    /// <summary>Runs what was recorded; false if that cannot be, and nothing has been done.</summary>
    public bool EndCapture(TensorView hidden)
    {
        nint executable = 0;
        try
        {
            executable = context.EndCapture();
            context.LaunchGraph(executable);
        }
        catch (EngineException e) when (e.Status != EngineStatus.DeviceLost)
        {
            context.DestroyGraph(executable);
            GiveUp(e);
            return false;
        }

        _recordings[_key] = new Recording(
            executable, hidden.Address, hidden.Type, hidden.Rows, hidden.Columns, hidden.RowStride);
        NumGraphs++;
        return true;
    }

    /// <summary>Ends a step; a recording that was not ended is given up.</summary>
    public void End()
    {
        if (context.IsCapturing) context.AbandonCapture();
        _key = default;
    }

    public void Dispose() => Clear();

    // The memory of the recordings helps the steps that follow.
    private void GiveUp(EngineException failure)
    {
        WhyOff = failure.Message;
        _key = default;
        Clear();
    }

    private void Clear()
    {
        foreach (Recording? recording in _recordings.Values)
        {
            if (recording is not null) context.DestroyGraph(recording.Executable);
        }

        _recordings.Clear();
        NumGraphs = 0;
    }

    private sealed record Recording(
        nint Executable, nint Address, DType Type, int Rows, int Columns, int RowStride);
}
