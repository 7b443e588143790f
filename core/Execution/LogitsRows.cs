using Engine.Devices;
using Engine.Hosting;
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
    private readonly DeviceChooser? _chooser;
    private readonly RowPlace[] _places;

    /// <param name="weights">The model.</param>
    /// <param name="maxRows">Rows at a time.</param>
    /// <param name="vocabSize">Ids that may be sampled.</param>
    /// <param name="samplers">Threads that sample on the host.</param>
    /// <param name="maxLogprobs">The most that a device gives of a row.</param>
    public LogitsRows(ModelWeights weights, int maxRows, int vocabSize, int samplers = 1, int maxLogprobs = 0)
    {
        _weights = weights;
        int width = weights.Model.OutputWidth, rowLength = weights.Config.VocabSize;
        _rows = new int[maxRows];
        _sequenceIndices = new int[maxRows];
        _positions = new int[maxRows];
        _places = new RowPlace[maxRows];
        _gathered = weights.Device.Allocate((long)maxRows * width * weights.Device.ActivationType.SizeOf());
        try
        {
            _logits = weights.Device.Allocate((long)maxRows * rowLength * sizeof(float));
            _chooser = (weights.Device as IDeviceSampler)?.CreateChooser(new(maxRows, rowLength, maxLogprobs));
        }
        catch
        {
            _logits?.Dispose();
            _gathered.Dispose();
            throw;
        }
        _downloaded = weights.Device.IsHostMemory ? [] : new float[(long)maxRows * rowLength];
        Sampler = new Sampler(rowLength);
        Crew = samplers > 1 ? new SamplerCrew(Sampler, rowLength, samplers) : null;
        VocabSize = vocabSize;
        Bytes = _gathered.Bytes + _logits.Bytes + (_chooser?.Bytes ?? 0)
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
        Array.Clear(_places, 0, Count);
        _chooser?.Begin(Count);
    }

    /// <summary>Chooses tokens where the logits are; null if the host does.</summary>
    public DeviceChooser? Chooser => _chooser;

    /// <summary>Has a row's token chosen on the device, if it can; its logits then stay there.</summary>
    /// <param name="i">The row.</param>
    /// <param name="state">Of its sequence.</param>
    /// <param name="tokens">The sequence so far, drafts included.</param>
    /// <param name="numPromptTokens">Of tokens, how many are the prompt.</param>
    /// <param name="numPending">Of tokens, how many at the end are drafts.</param>
    /// <param name="unseen">Where one more token of the output is; -1 if there is none.</param>
    /// <param name="scores">Log probabilities are wanted where the request asks for them.</param>
    public bool TryChoose(
        int i, SamplerState state, ReadOnlySpan<int> tokens, int numPromptTokens, int numPending, int unseen = -1,
        bool scores = true)
    {
        bool isAsked = DeviceChoice.TryAsk(
            _chooser!, i, state, tokens, numPromptTokens, numPending, Sampler.Suffixes, unseen, scores);
        _places[i] = isAsked ? RowPlace.Chosen : RowPlace.Host;
        return isAsked;
    }

    /// <summary>Has log probabilities of a given token found on the device, if it can.</summary>
    public void TryScore(int i, int token, int count)
    {
        if (token >= VocabSize || count < 0 || count > _chooser!.Limits.MaxLogprobs) return;
        _places[i] = RowPlace.Scored;
        _chooser.Score(new LogprobRow
        {
            Row = i,
            NumIds = VocabSize,
            Top = Math.Min(count, VocabSize),
            Token = token,
            Place = i,
        });
    }

    /// <summary>Leaves a row's logits where they are, for now.</summary>
    public void Hold(int i) => _places[i] = RowPlace.Held;

    /// <summary>Brings what was found on the device, and the logits of the other rows.</summary>
    /// <param name="waits">Even if nothing is to be found.</param>
    public void Fetch(bool waits = false)
    {
        if (FetchLogits() > 0 || waits) _chooser!.Run(Computed);
    }

    /// <summary>Brings the logits of one row that was held.</summary>
    public void FetchLogits(int i) => _weights.Device.Download(Logits(i), Computed.SliceRows(i, 1));

    /// <summary>Begins another batch of the same rows, for held ones; what was found of others stays.</summary>
    public void BeginHeld() => _chooser!.Begin(Count);

    /// <summary>Brings what was asked for since.</summary>
    public void FetchHeld() => _chooser!.Run(Computed);

    /// <summary>Has the tokens chosen, to be read from where they are put.</summary>
    public void ChooseInto(DeviceTokens tokens, int slot, int first) => tokens.Choose(Computed, _chooser!, slot, first);

    /// <summary>Brings the logits of rows that the device does nothing with.</summary>
    /// <returns>How many rows there are for it.</returns>
    public int FetchLogits()
    {
        if (_weights.Device.IsHostMemory) return 0;
        int length = _weights.Config.VocabSize;
        TensorView logits = Computed;
        int first = 0, numFound = 0;
        for (int i = 0; i <= Count; i++)
        {
            if (i < Count && _places[i] == RowPlace.Host) continue;
            if (i > first)
                _weights.Device.Download(_downloaded.AsSpan(first * length), logits.SliceRows(first, i - first));
            numFound += i < Count && _places[i] != RowPlace.Held ? 1 : 0;
            first = i + 1;
        }

        return numFound;
    }

    /// <summary>True if the device chose the token of row i.</summary>
    public bool IsChosen(int i) => _places[i] == RowPlace.Chosen;

    /// <summary>True if the device found the log probabilities of a given token for row i.</summary>
    public bool IsScored(int i) => _places[i] == RowPlace.Scored;

    /// <summary>True if nothing was done with row i.</summary>
    public bool IsHeld(int i) => _places[i] == RowPlace.Held;

    /// <summary>The token that the device chose for row i, and its log probabilities if they were asked for.</summary>
    public EngineStatus Chosen(int i, int? numLogprobs, out int token, out TokenLogprob[]? logprobs)
    {
        token = _chooser!.Tokens[i];
        EngineStatus status = StatusOf(token);
        logprobs = status == EngineStatus.Ok && numLogprobs is int count ? Read(i, count) : null;
        return status;
    }

    /// <summary>Log probabilities of the token given for row i.</summary>
    public EngineStatus Scored(int i, int count, out TokenLogprob[]? logprobs)
    {
        logprobs = _chooser!.Record(i, 0, out _).Token < 0 ? null : Read(i, count);
        return logprobs is null ? EngineStatus.CorruptData : EngineStatus.Ok;
    }

    private TokenLogprob[] Read(int i, int count)
    {
        LogprobRecord record = _chooser!.Record(i, Math.Min(count, VocabSize), out ReadOnlySpan<ScoredToken> best);
        return LogprobReader.Read(record, best);
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
        _chooser?.Dispose();
        _gathered.Dispose();
        _logits.Dispose();
    }

    private enum RowPlace : byte
    {
        /// <summary>The host reads its logits.</summary>
        Host,
        Chosen,
        Scored,
        Held,
    }
}
