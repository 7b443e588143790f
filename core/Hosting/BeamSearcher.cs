using Engine.Sampling;

namespace Engine.Hosting;

/// <summary>
/// Beam search over a running engine: every step asks it for the best next tokens of all live beams. Blocks
/// its caller; the engine goes on with other requests, and the prefix cache keeps the beams' common start.
/// </summary>
public static class BeamSearcher
{
    /// <summary>Searches.</summary>
    /// <param name="worker">The engine.</param>
    /// <param name="prompt">The prompt's tokens.</param>
    /// <param name="parameters">2 x BeamWidth must be within the engine's max_logprobs.</param>
    /// <param name="cancellation">Ends the requests under way.</param>
    /// <returns>At most BeamWidth outputs, best first.</returns>
    /// <exception cref="EngineException">As Submit, or what a request failed with.</exception>
    public static IReadOnlyList<BeamOutput> Run(
        EngineWorker worker,
        IReadOnlyList<int> prompt,
        BeamSearchParams parameters,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(worker);
        ArgumentNullException.ThrowIfNull(parameters);
        parameters.Validate(worker.Options.MaxLogprobs);
        int room = worker.Model.MaxModelLen - prompt.Count;
        return BeamSearch.Run(
            [.. prompt],
            parameters with { MaxTokens = Math.Max(1, Math.Min(parameters.MaxTokens, room)) },
            worker.Model.EosTokenIds,
            (prefixes, count) => Score(worker, prefixes, count, cancellation),
            cancellation);
    }

    private static IReadOnlyList<TokenLogprob>[] Score(
        EngineWorker worker, IReadOnlyList<int[]> prefixes, int count, CancellationToken cancellation)
    {
        var sampling = new SamplingParams
        {
            Temperature = 0,
            MaxTokens = 1,
            IgnoreEos = true,
            Detokenize = false,
            Logprobs = Math.Min(count, worker.Model.VocabSize),
        };
        var sinks = new List<NextTokenSink>(prefixes.Count);
        var handles = new List<RequestHandle>(prefixes.Count);
        try
        {
            foreach (int[] prefix in prefixes)
            {
                var sink = new NextTokenSink();
                handles.Add(worker.Submit(
                    new GenerationRequest { PromptTokenIds = prefix, Sampling = sampling }, sink));
                sinks.Add(sink);
            }

            return [.. sinks.Select(sink => sink.Wait(cancellation))];
        }
        finally
        {
            // Ended requests ignore it; after an error or a cancellation the rest must not run on.
            handles.ForEach(worker.Cancel);
        }
    }

    /// <summary>Keeps the first token's log probabilities.</summary>
    private sealed class NextTokenSink : IRequestSink
    {
        private readonly TaskCompletionSource<IReadOnlyList<TokenLogprob>> _result =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void OnEvent(RequestEvent e)
        {
            if (e.Logprobs is { } logprobs)
            {
                // The sampled token leads; the best, with it among them, follow.
                _result.TrySetResult([.. logprobs.Skip(1)]);
            }
            else if (e.Kind == RequestEventKind.Failed)
            {
                _result.TrySetException(
                    e.Error ?? new EngineException(EngineStatus.Internal, "a beam's request failed"));
            }
            else if (e.Kind == RequestEventKind.Finished)
            {
                _result.TrySetException(
                    new EngineException(EngineStatus.Cancelled, "a beam's request ended without a token"));
            }
        }

        public IReadOnlyList<TokenLogprob> Wait(CancellationToken cancellation) =>
            _result.Task.WaitAsync(cancellation).GetAwaiter().GetResult();
    }
}
