using Engine.Hosting;

namespace Engine.Sampling;

/// <summary>Scores the next token of several prefixes, for a beam search over any engine.</summary>
/// <param name="prefixes">The prompt and the new tokens of each live beam.</param>
/// <param name="count">How many of the best tokens are needed for each.</param>
/// <returns>For each prefix its best tokens, most likely first; fewer only if the vocabulary is smaller.</returns>
public delegate IReadOnlyList<IReadOnlyList<TokenLogprob>> BeamScorer(
    IReadOnlyList<int[]> prefixes, int count);

/// <summary>Beam search with the meaning of Hugging Face's generate.</summary>
/// <remarks>
/// Each step looks at the best 2 * width continuations of all live beams. One that ends the sequence is kept
/// as finished only if it is among the best width; the best width others live on. The prompt does not count
/// in scores. At max_tokens live beams count as finished.
/// </remarks>
public static class BeamSearch
{
    private readonly record struct Beam(int[] Tokens, double Sum, IReadOnlyList<TokenLogprob>[] Logprobs);

    private readonly record struct Continuation(int Beam, TokenLogprob Next, double Sum);

    /// <summary>Searches; returns at most BeamWidth outputs, best first.</summary>
    /// <param name="prompt">The prompt's tokens.</param>
    /// <param name="parameters">How to search.</param>
    /// <param name="eosTokenIds">Tokens that end an output.</param>
    /// <param name="score">The model.</param>
    /// <param name="cancellation">Checked before every step.</param>
    public static IReadOnlyList<BeamOutput> Run(
        ReadOnlySpan<int> prompt,
        BeamSearchParams parameters,
        IReadOnlyList<int> eosTokenIds,
        BeamScorer score,
        CancellationToken cancellation = default)
    {
        parameters.Validate();
        ArgumentNullException.ThrowIfNull(score);
        int[] promptTokens = prompt.ToArray();
        HashSet<int> eos = parameters.IgnoreEos ? [] : [.. eosTokenIds];
        List<Beam> live = [new Beam([], 0, [])];
        List<BeamOutput> finished = [];
        for (int step = 1; step <= parameters.MaxTokens && live.Count > 0; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            IReadOnlyList<IReadOnlyList<TokenLogprob>> scored = Score(promptTokens, live, parameters, score);
            List<Continuation> best = BestContinuations(scored, live, 2 * parameters.BeamWidth);
            live = Advance(live, scored, best, eos, parameters, finished);
            if (IsDone(live, finished, parameters, step))
            {
                live = [];
            }
        }

        foreach (Beam beam in live)
        {
            Finish(finished, beam, isEnded: false, parameters);
        }

        return finished;
    }

    private static IReadOnlyList<IReadOnlyList<TokenLogprob>> Score(
        int[] prompt, List<Beam> live, BeamSearchParams parameters, BeamScorer score)
    {
        int[][] prefixes = [.. live.Select(beam => (int[])[.. prompt, .. beam.Tokens])];
        IReadOnlyList<IReadOnlyList<TokenLogprob>> scored = score(
            prefixes, Math.Max(2 * parameters.BeamWidth, parameters.NumLogprobs ?? 0));
        return scored.Count == live.Count
            ? scored
            : throw new EngineException(EngineStatus.Internal, $"{scored.Count} scores for {live.Count} beams");
    }

    private static List<Continuation> BestContinuations(
        IReadOnlyList<IReadOnlyList<TokenLogprob>> scored, List<Beam> live, int count)
    {
        var all = new List<Continuation>(live.Count * count);
        for (int i = 0; i < live.Count; i++)
        {
            foreach (TokenLogprob next in scored[i].Take(count))
            {
                if (next.Logprob > float.NegativeInfinity)
                {
                    all.Add(new Continuation(i, next, live[i].Sum + next.Logprob));
                }
            }
        }

        return [.. all.OrderByDescending(c => c.Sum).ThenBy(c => c.Beam).ThenBy(c => c.Next.TokenId).Take(count)];
    }

    private static List<Beam> Advance(
        List<Beam> live,
        IReadOnlyList<IReadOnlyList<TokenLogprob>> scored,
        List<Continuation> best,
        HashSet<int> eos,
        BeamSearchParams parameters,
        List<BeamOutput> finished)
    {
        var next = new List<Beam>(parameters.BeamWidth);
        for (int rank = 0; rank < best.Count; rank++)
        {
            Continuation c = best[rank];
            bool ends = eos.Contains(c.Next.TokenId);
            if (ends ? rank >= parameters.BeamWidth : next.Count == parameters.BeamWidth)
            {
                continue;
            }

            Beam from = live[c.Beam];
            IReadOnlyList<TokenLogprob>[] logprobs = parameters.NumLogprobs is { } count
                ? [.. from.Logprobs, [c.Next, .. scored[c.Beam].Take(count)]]
                : [];
            var beam = new Beam([.. from.Tokens, c.Next.TokenId], c.Sum, logprobs);
            if (ends)
            {
                Finish(finished, beam, isEnded: true, parameters);
            }
            else
            {
                next.Add(beam);
            }
        }

        return next;
    }

    /// <summary>Keeps the best finished ones, sorted; of equal ones the earlier first.</summary>
    private static void Finish(
        List<BeamOutput> finished, Beam beam, bool isEnded, BeamSearchParams parameters)
    {
        var output = new BeamOutput(
            beam.Tokens, beam.Sum, Score(beam.Sum, beam.Tokens.Length, parameters), isEnded)
        {
            Logprobs = beam.Logprobs,
        };
        int at = finished.FindIndex(other => other.Score < output.Score);
        finished.Insert(at < 0 ? finished.Count : at, output);
        if (finished.Count > parameters.BeamWidth)
        {
            finished.RemoveAt(parameters.BeamWidth);
        }
    }

    private static bool IsDone(
        List<Beam> live, List<BeamOutput> finished, BeamSearchParams parameters, int step)
    {
        if (finished.Count < parameters.BeamWidth || live.Count == 0)
        {
            return false;
        }

        if (parameters.EarlyStopping == BeamEarlyStopping.WhenFull)
        {
            return true;
        }

        // Sums only fall, so with a positive penalty the longest output could still score best.
        bool looksAhead = parameters.EarlyStopping == BeamEarlyStopping.Never && parameters.LengthPenalty > 0;
        int length = looksAhead ? parameters.MaxTokens : step;
        return finished[^1].Score >= Score(live[0].Sum, length, parameters);
    }

    private static double Score(double sum, int length, BeamSearchParams parameters) =>
        sum / Math.Pow(length, parameters.LengthPenalty);
}
