using Engine.Hosting;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Protocol;

namespace Engine.Server.Http.Generation;

/// <summary>The engine requests behind one HTTP request: a prompt each, n outputs each.</summary>
internal sealed class GenerationJob
{
    // Nobody waits for the tokens of an answer that comes whole.
    private const int WholeInterval = 128;

    private readonly ServedModel _model;
    private readonly EventQueue _events;
    private readonly long[] _ids;
    private readonly List<Action> _stopsBeams = [];
    private int _numDropped;
    private int _numSubmitted;
    private int _numEnded;

    public GenerationJob(
        ServedModel model,
        GenerationFields fields,
        IReadOnlyList<PromptState> prompts,
        ServerOptions options)
    {
        _model = model;
        Fields = fields;
        Prompts = prompts;
        _ids = new long[prompts.Count];
        int n = fields.Sampling.N;
        Outputs = new OutputState[prompts.Count * n];
        for (int i = 0; i < Outputs.Length; i++)
        {
            Outputs[i] = new OutputState(i, prompts[i / n]);
        }

        // A request may ask for fewer writes than the server's setting has, not for more.
        int interval = Math.Max(options.StreamInterval, fields.StreamInterval > 1 ? fields.StreamInterval : 0);
        int maxBacklog = options.MaxSseBacklog;
        _events = fields.Stream
            ? new EventQueue(maxBacklog * Outputs.Length, Math.Clamp(interval, 0, maxBacklog / 2))
            : new EventQueue(interval: WholeInterval, isStream: false);
    }

    public GenerationFields Fields { get; }

    public IReadOnlyList<PromptState> Prompts { get; }

    public OutputState[] Outputs { get; private set; }

    public EventQueue Events => _events;

    /// <summary>When the engine got it.</summary>
    public DateTimeOffset SubmittedAt { get; private set; }

    /// <summary>True when every engine request has ended.</summary>
    public bool IsFinished => _numEnded == _numSubmitted;

    /// <summary>The first failure, or null.</summary>
    public ApiException? Error { get; private set; }

    public int NumPromptTokens
    {
        get
        {
            int sum = 0;
            foreach (PromptState prompt in Prompts)
            {
                sum += prompt.TokenIds.Count;
            }

            return sum;
        }
    }

    public int NumCachedTokens
    {
        get
        {
            int sum = 0;
            foreach (PromptState prompt in Prompts)
            {
                sum += prompt.NumCachedTokens;
            }

            return sum;
        }
    }

    public int NumGeneratedTokens
    {
        get
        {
            int sum = _numDropped;
            foreach (OutputState output in Outputs)
            {
                sum += output.NumTokens;
            }

            return sum;
        }
    }

    /// <summary>Hands all prompts to the engine, or none.</summary>
    public void Submit()
    {
        SubmittedAt = DateTimeOffset.UtcNow;
        try
        {
            for (int i = 0; i < Prompts.Count; i++)
            {
                if (Fields.Beams is { } beams)
                {
                    _stopsBeams.Add(BeamRun.Start(_model, Fields, beams, Prompts[i], i, _events));
                }
                else
                {
                    _ids[i] = _model.Engine.Submit(RequestFor(i), _events);
                }

                _numSubmitted++;
            }
        }
        catch (EngineException e)
        {
            Cancel();
            throw ApiException.From(e);
        }
    }

    /// <summary>Ends what is under way; idempotent, any thread.</summary>
    public void Cancel()
    {
        _stopsBeams.ForEach(static stop => stop());
        for (int i = 0; i < _numSubmitted && Fields.Beams is null; i++)
        {
            _model.Engine.Cancel(_ids[i]);
        }
    }

    /// <summary>Leaves of each prompt's outputs the best, if fewer are the answer than were made.</summary>
    public void KeepBest()
    {
        if (Fields.Beams is not null)
        {
            // A grammar may have fewer texts than there should be beams.
            Outputs = [.. Outputs.Where(output => output.FinishReason != FinishReason.None)];
        }

        if (Fields.KeptOutputs is not { } kept)
        {
            return;
        }

        int made = NumGeneratedTokens;
        Outputs = [.. Outputs.Chunk(Fields.Sampling.N).SelectMany(ofPrompt => ofPrompt
            .OrderByDescending(output => output.SumLogprobs / Math.Max(output.NumTokens, 1)).Take(kept))];
        for (int i = 0; i < Outputs.Length; i++)
        {
            Outputs[i].Index = i;
        }

        _numDropped = made - NumGeneratedTokens;
    }

    /// <summary>Books an event; returns its output, or null if it belongs to none.</summary>
    public OutputState? Apply(RequestEvent e)
    {
        int n = Fields.Sampling.N;
        int prompt = (int)e.UserTag;
        switch (e.Kind)
        {
            case RequestEventKind.Prompt:
                Prompts[prompt].NumCachedTokens = e.NumCachedTokens;
                Prompts[prompt].Logprobs = e.PromptLogprobs;
                return null;
            case RequestEventKind.Finished:
                Prompts[prompt].Times = e.Times;
                _numEnded++;
                return null;
            case RequestEventKind.Failed:
                Prompts[prompt].Times = e.Times;
                _numEnded++;
                Error ??= e.Error is null
                    ? new ApiException(StatusCodes.Status500InternalServerError, "The request failed.")
                    : ApiException.From(e.Error);
                return null;
            default:
                OutputState output = Outputs[(prompt * n) + e.OutputIndex];
                output.Append(e, Fields.Stream);
                if (e.FinishReason == FinishReason.Abort && e.Kind == RequestEventKind.OutputFinished)
                {
                    // Nobody but the server itself aborts a request whose client is still there.
                    Error ??= Aborted();
                }

                return output;
        }
    }

    private ApiException Aborted() => new(
        StatusCodes.Status503ServiceUnavailable,
        Events.HasOverflowed
            ? "The client does not read its stream; the request was ended."
            : "The request was ended: the server is shutting down, or its engine was put to sleep.");

    private GenerationRequest RequestFor(int index) => new()
    {
        PromptTokenIds = Prompts[index].TokenIds,
        Sampling = Fields.Sampling,
        RequestId = Fields.RequestId,
        UserTag = (ulong)index,
        Priority = Fields.Priority,
        CacheSalt = Fields.CacheSalt,
    };
}
