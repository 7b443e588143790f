using Engine.Hosting;

namespace Engine.Benchmarks.Accuracy;

/// <summary>Waits for one request and keeps the log probabilities of its prompt.</summary>
internal sealed class LogitsSink : IRequestSink, IDisposable
{
    private readonly ManualResetEventSlim _hasEnded = new(false);
    private IReadOnlyList<IReadOnlyList<TokenLogprob>?>? _logprobs;
    private string? _failure;

    /// <inheritdoc/>
    public void OnEvent(RequestEvent e)
    {
        _logprobs ??= e.PromptLogprobs;
        if (e.Kind == RequestEventKind.Failed) _failure = e.Error?.Message ?? "failed";
        if (e.Kind is RequestEventKind.Finished or RequestEventKind.Failed) _hasEnded.Set();
    }

    /// <summary>[prompt tokens - 1][vocabulary]: what follows each token, shifted to mean 0.</summary>
    public float[][] Rows(int vocabSize)
    {
        _hasEnded.Wait();
        if (_failure != null || _logprobs == null)
        {
            throw new InvalidOperationException(_failure ?? "no log probabilities came back");
        }

        var rows = new float[_logprobs.Count - 1][];
        for (int i = 0; i < rows.Length; i++)
        {
            rows[i] = new float[vocabSize];
            foreach (TokenLogprob t in _logprobs[i + 1]!) rows[i][t.TokenId] = t.Logprob;
            LogitsError.Center(rows[i]);
        }

        return rows;
    }

    /// <inheritdoc/>
    public void Dispose() => _hasEnded.Dispose();
}
