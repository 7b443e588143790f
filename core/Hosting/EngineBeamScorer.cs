using System.Collections.Concurrent;
using Engine.Grammar;
using Engine.Sampling;

namespace Engine.Hosting;

/// <summary>Scores beams with an engine: a request of one token for each live beam and step, whose prefix the engine
/// finds in its cache. For one search on one thread; others may submit meanwhile.</summary>
public sealed class EngineBeamScorer : IRequestSink
{
    private const int RetryMilliseconds = 2;

    private readonly BlockingCollection<RequestEvent> _events = [];
    private readonly Action<GenerationRequest, IRequestSink> _submit;
    private readonly int _numPromptTokens;
    private bool _hasStarted;

    /// <param name="submit">Hands a request to the engine.</param>
    /// <param name="numPromptTokens">The prompt's length: what comes after it is the beam.</param>
    public EngineBeamScorer(Action<GenerationRequest, IRequestSink> submit, int numPromptTokens)
    {
        _submit = submit;
        _numPromptTokens = numPromptTokens;
    }

    /// <summary>What each beam has to look like; null is anything.</summary>
    public StructuredOutputs? StructuredOutputs { get; init; }

    /// <summary>Lower runs earlier.</summary>
    public int Priority { get; init; }

    /// <summary>Prefix-cache entries are shared only between requests of equal salt.</summary>
    public string? CacheSalt { get; init; }

    /// <summary>A <see cref="BeamScorer"/>.</summary>
    /// <param name="prefixes">The prompt and the new tokens of each live beam.</param>
    /// <param name="count">How many of the best tokens are needed for each.</param>
    /// <exception cref="EngineException">WouldBlock: the queue was full at the first step; a request failed.</exception>
    public IReadOnlyList<IReadOnlyList<TokenLogprob>> Score(IReadOnlyList<int[]> prefixes, int count)
    {
        ArgumentNullException.ThrowIfNull(prefixes);
        var scores = new IReadOnlyList<TokenLogprob>[prefixes.Count];
        int submitted = 0;
        int done = 0;
        while (done < prefixes.Count)
        {
            while (submitted < prefixes.Count && TrySubmit(prefixes[submitted], count, submitted))
            {
                submitted++;
            }

            if (submitted == done)
            {
                // Others have filled the queue since: what was begun is not given up for that.
                Thread.Sleep(RetryMilliseconds);
                continue;
            }

            RequestEvent e = _events.Take();
            if (e.Kind == RequestEventKind.Token && e.Logprobs is { } logprobs)
            {
                scores[e.UserTag] = [.. logprobs.Skip(1)];
            }
            else if (e.Kind == RequestEventKind.Failed)
            {
                throw e.Error!;
            }
            else if (e.Kind == RequestEventKind.Finished)
            {
                done++;
            }
        }

        return scores.Any(score => score is null)
            ? throw new EngineException(EngineStatus.Cancelled, "the engine was stopped")
            : scores;
    }

    /// <inheritdoc/>
    public void OnEvent(RequestEvent e) => _events.Add(e);

    private bool TrySubmit(int[] prefix, int count, int index)
    {
        var request = new GenerationRequest
        {
            PromptTokenIds = prefix,
            UserTag = (ulong)index,
            Priority = Priority,
            CacheSalt = CacheSalt,
            NumPromptOutputs = prefix.Length - _numPromptTokens,
            Sampling = new SamplingParams
            {
                MaxTokens = 1,
                Temperature = 0,
                Logprobs = count,
                Detokenize = false,
                IgnoreEos = true,
                StructuredOutputs = StructuredOutputs,
            },
        };
        try
        {
            _submit(request, this);
            _hasStarted = true;
            return true;
        }
        catch (EngineException e) when (e.Status == EngineStatus.WouldBlock && _hasStarted)
        {
            return false;
        }
    }
}
