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
    private readonly IDeviceSampler? _chooser;
    private readonly TokenChoice[] _choices;
    private readonly int[] _tokens;

    public LogitsRows(ModelWeights weights, int maxRows, int vocabSize, int samplers = 1)
    {
        _weights = weights;
        int width = weights.Model.OutputWidth, rowLength = weights.Config.VocabSize;
        _rows = new int[maxRows];
        _sequenceIndices = new int[maxRows];
        _positions = new int[maxRows];
        _chooser = weights.Device as IDeviceSampler;
        _choices = new TokenChoice[maxRows];
        _tokens = new int[maxRows];
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
        Crew = samplers > 1 ? new SamplerCrew(Sampler, rowLength, samplers) : null;
        VocabSize = vocabSize;
        Bytes = _gathered.Bytes + _logits.Bytes
            + (weights.Device.IsHostMemory ? samplers * Sampler.BytesFor(rowLength) : 0);
    }

    public Sampler Sampler { get; }

    /// <summary>That sampler and others, each with a thread of its own; null if one is enough.</summary>
    public SamplerCrew? Crew { get; }

    public int VocabSize { get; }

    public int Count { get; private set; }

    public bool IsFull => Count == _rows.Length;

    /// <summary>What it holds where the weights are.</summary>
    public long Bytes { get; }

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

    /// <summary>Computes the logits of the rows asked for; Fetch brings them.</summary>
    public void Compute(TensorView hidden)
    {
        IDevice device = _weights.Device;
        TensorView gathered = _gathered.View(hidden.Type, Count, hidden.Columns);
        TensorView logits = _logits.View(DType.F32, Count, _weights.Config.VocabSize);
        device.GatherRows(gathered, hidden, _rows.AsSpan(0, Count));
        _weights.Model.Head.Forward(logits, gathered, device);
        Array.Clear(_choices, 0, Count);
    }

    /// <summary>True if tokens can be chosen on the device.</summary>
    public bool Chooses => _chooser is not null;

    /// <summary>Has a row's token chosen on the device; its logits then stay there.</summary>
    public void Choose(int i, TokenChoice choice)
    {
        choice.NumIds = Math.Min(choice.NumIds, _weights.Config.VocabSize);
        _choices[i] = choice;
    }

    /// <summary>Brings the tokens that were chosen on the device, and the logits of the other rows.</summary>
    public void Fetch()
    {
        if (FetchLogits() > 0) _chooser!.Choose(Computed, _choices.AsSpan(0, Count), _tokens);
    }

    /// <summary>Has the tokens chosen, to be read from where they are put.</summary>
    public void ChooseInto(DeviceTokens tokens, int slot, int first) =>
        tokens.Choose(Computed, _choices.AsSpan(0, Count), slot, first);

    /// <summary>Brings the logits of rows whose tokens the device does not choose.</summary>
    /// <returns>How many rows there are whose tokens it does.</returns>
    public int FetchLogits()
    {
        if (_weights.Device.IsHostMemory) return 0;
        int length = _weights.Config.VocabSize;
        TensorView logits = Computed;
        int first = 0, numChosen = 0;
        for (int i = 0; i <= Count; i++)
        {
            if (i < Count && !IsChosen(i)) continue;
            if (i > first)
                _weights.Device.Download(_downloaded.AsSpan(first * length), logits.SliceRows(first, i - first));
            numChosen += i < Count ? 1 : 0;
            first = i + 1;
        }

        return numChosen;
    }

    /// <summary>True if the device chose the token of row i.</summary>
    public bool IsChosen(int i) => _choices[i].NumIds > 0;

    /// <summary>The token that the device chose for row i.</summary>
    public EngineStatus Chosen(int i, out int token)
    {
        token = _tokens[i];
        return StatusOf(token);
    }

    /// <summary>What a token, or what stands for one, means.</summary>
    public static EngineStatus StatusOf(int token) => token switch
    {
        IDeviceSampler.Corrupt => EngineStatus.CorruptData,
        IDeviceSampler.Nothing => EngineStatus.InvalidArgument,
        _ => EngineStatus.Ok,
    };

    private TensorView Computed => _logits.View(DType.F32, Count, _weights.Config.VocabSize);

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
        Crew?.Dispose();
        _gathered.Dispose();
        _logits.Dispose();
    }
}
