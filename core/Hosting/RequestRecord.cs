using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Hosting;

/// <summary>What the host keeps of a request: where its events go, and its outputs' texts.</summary>
internal sealed class RequestRecord
{
    private Request? _request;

    public RequestRecord(RequestHandle handle, IRequestSink sink, int[] promptTokens, StopChecker[] outputs)
    {
        Handle = handle;
        Sink = sink;
        PromptTokens = promptTokens;
        Outputs = outputs;
        OutputIsFinished = new bool[outputs.Length];
        LastTokenTimestamps = new long[outputs.Length];
        NumTokens = new int[outputs.Length];
    }

    public RequestHandle Handle { get; }

    /// <summary>Takes events.</summary>
    public IRequestSink Sink { get; }

    public int[] PromptTokens { get; }

    /// <summary>Per output: text so far, and whether it ends it.</summary>
    public StopChecker[] Outputs { get; }

    /// <summary>Set once, right after both exist.</summary>
    public Request Request
    {
        get => _request!;
        set => _request = value;
    }

    public long ArrivalTimestamp { get; init; }

    public long? FirstTokenTimestamp { get; set; }

    /// <summary>Per output; 0 before its first token.</summary>
    public long[] LastTokenTimestamps { get; }

    public int NumOutputTokens { get; set; }

    /// <summary>Per output: tokens delivered. What was drafted and accepted behind a stop string is none.</summary>
    public int[] NumTokens { get; }

    public bool PromptIsSent { get; set; }

    /// <summary>Entry i scores prompt token i; null unless asked for.</summary>
    public List<IReadOnlyList<TokenLogprob>?>? PromptLogprobs { get; set; }

    public bool[] OutputIsFinished { get; }

    public int NumOutputsFinished { get; set; }

    public EngineException? Error { get; set; }

    /// <summary>The sink threw: it gets nothing more.</summary>
    public bool SinkIsBroken { get; set; }
}
