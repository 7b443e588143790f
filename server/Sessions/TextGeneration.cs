using System.Diagnostics;
using Engine.Hosting;
using Engine.Server.Http.Generation;

namespace Engine.Server.Sessions;

/// <summary>How one generation went.</summary>
internal sealed record GenerationResult
{
    public required string Text { get; init; }

    public required IReadOnlyList<int> TokenIds { get; init; }

    public required int NumPromptTokens { get; init; }

    public required FinishReason FinishReason { get; init; }

    /// <summary>From submission to the first token.</summary>
    public required double FirstTokenS { get; init; }

    /// <summary>From submission to the last token.</summary>
    public required double TotalS { get; init; }

    /// <summary>After the first token.</summary>
    public double DecodeTokensPerS =>
        TokenIds.Count > 1 ? (TokenIds.Count - 1) / Math.Max(1e-9, TotalS - FirstTokenS) : 0;
}

/// <summary>Runs one request and hands its text out as it comes.</summary>
internal static class TextGeneration
{
    /// <param name="worker">The engine.</param>
    /// <param name="request">With n = 1.</param>
    /// <param name="onText">Called with each new piece.</param>
    /// <param name="cancellation">Ends the request; the result is then what there was.</param>
    public static async Task<GenerationResult> RunAsync(
        EngineWorker worker, GenerationRequest request, Action<string> onText, CancellationToken cancellation)
    {
        var events = new TimedQueue();
        long started = Stopwatch.GetTimestamp();
        RequestHandle handle = worker.Submit(request, events);
        using CancellationTokenRegistration registration = cancellation.Register(handle.Cancel);
        var text = new System.Text.StringBuilder();
        var ids = new List<int>();
        int numPrompt = 0;
        FinishReason reason = FinishReason.None;
        while (true)
        {
            await events.Queue.WaitAsync();
            while (events.Queue.TryRead(out RequestEvent e))
            {
                switch (e.Kind)
                {
                    case RequestEventKind.Failed:
                        throw e.Error ?? new EngineException(EngineStatus.Internal, "the request failed");
                    case RequestEventKind.Finished:
                        return new GenerationResult
                        {
                            Text = text.ToString(),
                            TokenIds = ids,
                            NumPromptTokens = numPrompt,
                            FinishReason = reason,
                            FirstTokenS = events.FirstTokenS(started),
                            TotalS = events.LastTokenS(started),
                        };
                    case RequestEventKind.Prompt:
                        numPrompt = e.PromptTokenIds?.Count ?? 0;
                        break;
                    default:
                        reason = e.FinishReason;
                        if (e.TokenId >= 0)
                        {
                            ids.Add(e.TokenId);
                        }

                        if (e.Text.Length > 0)
                        {
                            text.Append(e.Text);
                            onText(e.Text);
                        }

                        break;
                }
            }
        }
    }

    // The clock is read on the engine's thread: the terminal's slowness is not the engine's.
    private sealed class TimedQueue : IRequestSink
    {
        private long _first;
        private long _last;

        public EventQueue Queue { get; } = new();

        public void OnEvent(RequestEvent e)
        {
            if (e.TokenId >= 0)
            {
                _last = Stopwatch.GetTimestamp();
                _first = _first == 0 ? _last : _first;
            }

            Queue.OnEvent(e);
        }

        public double FirstTokenS(long started) => SecondsTo(started, _first);

        public double LastTokenS(long started) => SecondsTo(started, _last);

        private static double SecondsTo(long started, long time) =>
            time == 0 ? 0 : Stopwatch.GetElapsedTime(started, time).TotalSeconds;
    }
}
