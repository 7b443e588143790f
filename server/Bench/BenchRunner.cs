using System.Diagnostics;
using Engine.Diagnostics;
using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Server.Bench;

/// <summary>Measures cases on an engine, with the clock read on the engine's own thread.</summary>
internal sealed class BenchRunner(EngineWorker worker, long seed)
{
    /// <summary>Seconds in steps and, of these, in kernels, so far.</summary>
    public (double Steps, double Kernels) Seconds
    {
        get
        {
            EngineMetricsSnapshot now = worker.Metrics;
            return (now.StepSeconds, now.KernelSeconds);
        }
    }

    private readonly Random _random = new(unchecked((int)seed));

    /// <summary>One run of a case.</summary>
    public async Task<BenchSample> RunAsync(BenchCase bench, CancellationToken cancellation)
    {
        bool isPrefill = bench.Kind == BenchCase.Prefill;
        int numPrompt = isPrefill ? bench.NumTokens : Math.Max(1, bench.Depth);
        int numNew = isPrefill ? 1 : bench.NumTokens + 1;
        var sampling = new SamplingParams { Temperature = 0, MaxTokens = numNew, IgnoreEos = true, Detokenize = false };
        int[][] prompts = [.. Enumerable.Range(0, bench.Batch).Select(_ => RandomPrompt(numPrompt))];
        var sinks = new Sink[bench.Batch];
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < sinks.Length; i++)
        {
            sinks[i] = new Sink(numNew);
            sinks[i].Handle = worker.Submit(
                new GenerationRequest { PromptTokenIds = prompts[i], Sampling = sampling }, sinks[i]);
        }

        using (cancellation.Register(() => Array.ForEach(sinks, sink => sink.Handle?.Cancel())))
        {
            foreach (Sink sink in sinks)
            {
                await sink.Done;
            }
        }

        cancellation.ThrowIfCancellationRequested();
        return isPrefill ? Prefill(bench, sinks, started) : Decode(sinks);
    }

    private static BenchSample Prefill(BenchCase bench, Sink[] sinks, long started)
    {
        double[] firstMs =
            [.. sinks.Select(sink => Stopwatch.GetElapsedTime(started, sink.Times[0]).TotalMilliseconds)];
        return new BenchSample((double)bench.Batch * bench.NumTokens / (firstMs.Max() / 1000), firstMs);
    }

    // Counts from the moment when every request has its first token: before it they still prefill.
    private static BenchSample Decode(Sink[] sinks)
    {
        long from = sinks.Max(sink => sink.Times[0]);
        long to = sinks.Max(sink => sink.Times[^1]);
        int count = sinks.Sum(sink => sink.Times.Count(time => time > from));
        double[] gapsMs = [.. sinks.SelectMany(sink => sink.Times.Zip(sink.Times.Skip(1))
            .Where(pair => pair.First >= from)
            .Select(pair => Stopwatch.GetElapsedTime(pair.First, pair.Second).TotalMilliseconds))];
        return new BenchSample(count / Stopwatch.GetElapsedTime(from, to).TotalSeconds, gapsMs);
    }

    private int[] RandomPrompt(int length)
    {
        var ids = new int[length];
        for (int i = 0; i < length; i++)
        {
            ids[i] = _random.Next(worker.Model.VocabSize);
        }

        return ids;
    }

    private sealed class Sink(int numTokens) : IRequestSink
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public List<long> Times { get; } = new(numTokens);

        public Task Done => _done.Task;

        public RequestHandle? Handle { get; set; }

        public void OnEvent(RequestEvent e)
        {
            switch (e.Kind)
            {
                case RequestEventKind.Token when e.TokenId >= 0:
                case RequestEventKind.OutputFinished when e.TokenId >= 0:
                    Times.Add(Stopwatch.GetTimestamp());
                    break;
                case RequestEventKind.Finished when Times.Count < numTokens:
                    _done.TrySetException(new EngineException(
                        EngineStatus.Internal, $"a request ended after {Times.Count} of {numTokens} tokens"));
                    break;
                case RequestEventKind.Finished:
                    _done.TrySetResult();
                    break;
                case RequestEventKind.Failed:
                    _done.TrySetException(
                        e.Error ?? new EngineException(EngineStatus.Internal, "a request failed"));
                    break;
                default:
                    break;
            }
        }
    }
}
