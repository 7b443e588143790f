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
/// are replayed: by then every kernel is loaded, which no recording may do.
/// </summary>
internal sealed class StepGraphs(CudaContext context) : IDisposable
{
    private const int MaxGraphs = 128;
    private readonly Dictionary<StepKey, Recording?> _recordings = [];
    private StepKey _key;
    private int _version;
    private bool _isOff;

    public long NumReplays { get; private set; }

    public int NumGraphs { get; private set; }

    /// <summary>The number of sequences that a step of so many is padded to.</summary>
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

        _key = _isOff ? default : key;
    }

    public bool TryReplay(out TensorView hidden)
    {
        hidden = default;
        if (_key == default || !_recordings.TryGetValue(_key, out Recording? found) || found is null) return false;
        context.LaunchGraph(found.Executable);
        NumReplays++;
        hidden = new TensorView(found.Address, found.Type, found.Rows, found.Columns, found.RowStride);
        return true;
    }

    public bool TryCapture()
    {
        if (_key == default || _recordings.Count > MaxGraphs) return false;
        if (_recordings.TryAdd(_key, null)) return false;
        context.BeginCapture();
        return true;
    }

    /// <summary>Runs what was recorded; false if there is no memory for it, and nothing has been done.</summary>
    public bool EndCapture(TensorView hidden)
    {
        nint executable;
        try
        {
            executable = context.EndCapture();
        }
        catch (EngineException e) when (e.Status == EngineStatus.OutOfMemory)
        {
            _isOff = true;
            return false;
        }

        _recordings[_key] = new Recording(
            executable, hidden.Address, hidden.Type, hidden.Rows, hidden.Columns, hidden.RowStride);
        NumGraphs++;
        context.LaunchGraph(executable);
        return true;
    }

    /// <summary>Ends a step; a recording that was not ended is given up.</summary>
    public void End()
    {
        if (context.IsCapturing) context.AbandonCapture();
        _key = default;
    }

    public void Dispose() => Clear();

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
