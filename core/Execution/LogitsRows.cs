using Engine.Devices;
using Engine.Memory;
using Engine.Models;
using Engine.Sampling;

namespace Engine.Execution;

/// <summary>Rows of the final hidden states that want logits, as many at a time as there is room for.</summary>
internal sealed class LogitsRows : IDisposable
{
    /// <summary>In place of a prompt position: the row chooses the next token; less i, the token behind i drafts.
    /// </summary>
    public const int SamplesNext = -1;

    private readonly ModelWeights _weights;
    private readonly DeviceBuffer _gathered;
    private readonly DeviceBuffer _logits;
    private readonly float[] _downloaded;
    private readonly int[] _rows;
    private readonly int[] _sequenceIndices;
    private readonly int[] _positions;

    public LogitsRows(ModelWeights weights, int maxRows, int vocabSize)
    {
        _weights = weights;
        int width = weights.Model.OutputWidth, rowLength = weights.Config.VocabSize;
        _rows = new int[maxRows];
        _sequenceIndices = new int[maxRows];
        _positions = new int[maxRows];
        _gathered = weights.Device.Allocate((long)maxRows * width * weights.Device.ActivationType.SizeOf());
        try
        {
            _logits = weights.Device.Allocate((long)maxRows * rowLength * sizeof(float));
        }
        catch
        {
            _gathered.Dispose();
            throw;
        }
        _downloaded = weights.Device.IsHostMemory ? [] : new float[(long)maxRows * rowLength];
        Sampler = new Sampler(rowLength);
        VocabSize = vocabSize;
    }

    public Sampler Sampler { get; }

    public int VocabSize { get; }

    public int Count { get; private set; }

    public bool IsFull => Count == _rows.Length;

    public long Bytes => _gathered.Bytes + _logits.Bytes;

    public void Begin() => Count = 0;

    /// <summary>Asks for the logits of a row.</summary>
    /// <param name="sequenceIndex">Of the plan.</param>
    /// <param name="row">Of the step.</param>
    /// <param name="position">Prompt position that it scores, or SamplesNext - i.</param>
    public void Add(int sequenceIndex, int row, int position)
    {
        _sequenceIndices[Count] = sequenceIndex;
        _rows[Count] = row;
        _positions[Count] = position;
        Count++;
    }

    public int SequenceIndex(int i) => _sequenceIndices[i];

    public int Position(int i) => _positions[i];

    public void Compute(TensorView hidden)
    {
        IDevice device = _weights.Device;
        TensorView gathered = _gathered.View(hidden.Type, Count, hidden.Columns);
        TensorView logits = _logits.View(DType.F32, Count, _weights.Config.VocabSize);
        device.GatherRows(gathered, hidden, _rows.AsSpan(0, Count));
        _weights.Model.Head.Forward(logits, gathered, device);
        if (!device.IsHostMemory) device.Download(_downloaded, logits);
    }

    /// <summary>[rowLength] logits of row i, free to be overwritten.</summary>
    public Span<float> Logits(int i)
    {
        int length = _weights.Config.VocabSize;
        return _weights.Device.IsHostMemory
            ? HostOperations.Row(_logits.View(DType.F32, Count, length), i)
            : _downloaded.AsSpan(i * length, length);
    }

    public void Dispose()
    {
        _gathered.Dispose();
        _logits.Dispose();
    }
}
