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

    /// <summary>From submission to the end.</summary>
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
        var events = new EventQueue();
        long started = Stopwatch.GetTimestamp();
        RequestHandle handle = worker.Submit(request, events);
        using CancellationTokenRegistration registration = cancellation.Register(handle.Cancel);
        var text = new System.Text.StringBuilder();
        var ids = new List<int>();
        int numPrompt = 0;
        double firstS = 0;
        FinishReason reason = FinishReason.None;
        while (true)
        {
            await events.WaitAsync(TimeSpan.FromMinutes(1), CancellationToken.None);
            while (events.TryRead(out RequestEvent e))
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
                            FirstTokenS = firstS,
                            TotalS = Stopwatch.GetElapsedTime(started).TotalSeconds,
                        };
                    case RequestEventKind.Prompt:
                        numPrompt = e.PromptTokenIds?.Count ?? 0;
                        break;
                    default:
                        reason = e.FinishReason;
                        if (e.TokenId >= 0)
                        {
                            firstS = ids.Count == 0 ? Stopwatch.GetElapsedTime(started).TotalSeconds : firstS;
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
}
