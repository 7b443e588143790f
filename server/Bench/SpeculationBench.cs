using System.Diagnostics;
using Engine.Diagnostics;
using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Server.Bench;

/// <summary>What one prompt took, without drafts and with them, in turns.</summary>
/// <param name="Name">Of the prompt.</param>
/// <param name="PlainTokensPerS">Each run's rate without.</param>
/// <param name="TokensPerS">Each run's rate with.</param>
/// <param name="NumDrafts">Verifications.</param>
/// <param name="NumDraftTokens">Tokens drafted.</param>
/// <param name="NumAcceptedTokens">Of those, accepted.</param>
/// <param name="IsSame">Both gave the same tokens, always.</param>
internal sealed record SpeculationResult(
    string Name, IReadOnlyList<double> PlainTokensPerS, IReadOnlyList<double> TokensPerS, long NumDrafts,
    long NumDraftTokens, long NumAcceptedTokens, bool IsSame);

/// <summary>Runs prompts one at a time on two engines of one model, one of which drafts.</summary>
internal sealed class SpeculationBench(EngineWorker plain, EngineWorker drafting)
{
    /// <summary>One prompt, once unmeasured and then some times, the engines in turns.</summary>
    public async Task<SpeculationResult> RunAsync(
        string name, GenerationRequest request, int repetitions, CancellationToken cancellation)
    {
        var without = new List<double>();
        var with = new List<double>();
        bool isSame = true;
        EngineMetricsSnapshot before = drafting.Metrics;
        for (int run = 0; run <= repetitions; run++)
        {
            (double plainRate, List<int> expected) = await RunAsync(plain, request, cancellation);
            if (run == 1)
            {
                before = drafting.Metrics;
            }

            (double rate, List<int> found) = await RunAsync(drafting, request, cancellation);
            isSame &= found.SequenceEqual(expected);
            if (run > 0)
            {
                without.Add(plainRate);
                with.Add(rate);
            }
        }

        EngineMetricsSnapshot after = drafting.Metrics;
        return new SpeculationResult(
            name, without, with,
            after.SpecDecodeNumDrafts - before.SpecDecodeNumDrafts,
            after.SpecDecodeNumDraftTokens - before.SpecDecodeNumDraftTokens,
            after.SpecDecodeNumAcceptedTokens - before.SpecDecodeNumAcceptedTokens,
            isSame);
    }

    /// <summary>Tokens per second after the first one, and the tokens.</summary>
    public static async Task<(double TokensPerS, List<int> Tokens)> RunAsync(
        EngineWorker worker, GenerationRequest request, CancellationToken cancellation)
    {
        var sink = new Sink();
        RequestHandle handle = worker.Submit(request, sink);
        using (cancellation.Register(handle.Cancel))
        {
            await sink.Done;
        }

        cancellation.ThrowIfCancellationRequested();
        return sink.Tokens.Count < 2
            ? throw EngineException.Invalid("gen-tokens", "fewer than two tokens came: nothing can be measured")
            : ((sink.Tokens.Count - 1) / Stopwatch.GetElapsedTime(sink.First, sink.Last).TotalSeconds, sink.Tokens);
    }

    private sealed class Sink : IRequestSink
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public List<int> Tokens { get; } = [];

        public long First { get; private set; }

        public long Last { get; private set; }

        public Task Done => _done.Task;

        public void OnEvent(RequestEvent e)
        {
            if (e.Kind == RequestEventKind.Token)
            {
                Last = Stopwatch.GetTimestamp();
                First = Tokens.Count == 0 ? Last : First;
                Tokens.Add(e.TokenId);
            }
            else if (e.Kind == RequestEventKind.Failed)
            {
                _done.TrySetException(e.Error ?? new EngineException(EngineStatus.Internal, "a request failed"));
            }
            else if (e.Kind == RequestEventKind.Finished)
            {
                _done.TrySetResult();
            }
        }
    }

    /// <summary>For a terminal and for Markdown alike.</summary>
    public static string Table(IReadOnlyList<SpeculationResult> results)
    {
        var text = new System.Text.StringBuilder();
        text.AppendLine("| prompt | tokens/s | with drafts | ratio | accepted | tokens a verification | same output |");
        text.AppendLine("| --- | ---: | ---: | ---: | ---: | ---: | --- |");
        foreach (SpeculationResult r in results)
        {
            double plain = Statistics.Median(r.PlainTokensPerS), with = Statistics.Median(r.TokensPerS);
            text.AppendLine(System.Globalization.CultureInfo.InvariantCulture,
                $"| {r.Name} | {plain:F1} | {with:F1} | {with / plain:F2} | {(double)r.NumAcceptedTokens / Math.Max(1, r.NumDraftTokens):P0} of {r.NumDraftTokens} | {1 + ((double)r.NumAcceptedTokens / Math.Max(1, r.NumDrafts)):F2} | {(r.IsSame ? "yes" : "NO")} |");
        }

        return text.ToString();
    }
}
