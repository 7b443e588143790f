using System.Collections.Concurrent;
using Engine.Diagnostics;
using Engine.Hosting;
using Engine.Server.Http.Hosting;
using Engine.Tokenization;

namespace Engine.Server.Tests.Support;

/// <summary>
/// An engine that writes the alphabet. It can be told to be full, to fail, to wait, so that the
/// server's behaviour in each state is seen without a model.
/// </summary>
internal sealed class FakeEngine : IEngineBackend
{
    private readonly ConcurrentDictionary<long, CancellationTokenSource> _running = new();
    private long _nextId;
    private int _numSubmitted;

    public ModelInfo Model { get; init; } = new()
    {
        Name = "m",
        VocabSize = FakeTokenizer.Size,
        MaxModelLen = 64,
        EosTokenIds = [0],
    };

    public EngineOptions Options { get; init; } = new();

    public ITokenizer? Tokenizer { get; init; } = new FakeTokenizer();

    public EngineHealth Health { get; set; } = new(EngineHealthState.Healthy, null);

    public EngineMetricsSnapshot Metrics { get; set; } = EmptyMetrics.Create();

    public bool IsQueueFull { get; set; }

    /// <summary>Fails a request after so many tokens; -1 never.</summary>
    public int FailAfterTokens { get; set; } = -1;

    public TimeSpan TokenDelay { get; set; } = TimeSpan.Zero;

    /// <summary>Written in place of the alphabet, a character per token, up to its end.</summary>
    public string? Script { get; set; }

    /// <summary>Requests that were taken.</summary>
    public int NumSubmitted => _numSubmitted;

    /// <summary>Requests that were cancelled before they ended.</summary>
    public int NumCancelled { get; private set; }

    /// <summary>Requests under way.</summary>
    public int NumRunning => _running.Count;

    public GenerationRequest? LastRequest { get; private set; }

    public long Submit(GenerationRequest request, IRequestSink sink)
    {
        if (IsQueueFull)
        {
            throw new EngineException(EngineStatus.WouldBlock, "the queue is full");
        }

        LastRequest = request;
        Interlocked.Increment(ref _numSubmitted);
        long id = Interlocked.Increment(ref _nextId);
        var stop = new CancellationTokenSource();
        _running[id] = stop;
        _ = Task.Run(() => GenerateAsync(id, request, sink, stop.Token));
        return id;
    }

    public void Cancel(long id)
    {
        if (_running.TryGetValue(id, out CancellationTokenSource? stop))
        {
            NumCancelled++;
            stop.Cancel();
        }
    }

    /// <summary>How often the prefix cache was reset, and whether running requests were restarted last.</summary>
    public (int Count, bool Restarted) Resets { get; private set; }

    public void ResetPrefixCache(bool restartRunning) => Resets = (Resets.Count + 1, restartRunning);

    public bool Shutdown(TimeSpan drainTimeout)
    {
        bool isClean = SpinWait.SpinUntil(() => _running.IsEmpty, drainTimeout);
        foreach (CancellationTokenSource stop in _running.Values)
        {
            stop.Cancel();
        }

        SpinWait.SpinUntil(() => _running.IsEmpty, TimeSpan.FromSeconds(10));
        return isClean;
    }

    public void Dispose() => Shutdown(TimeSpan.Zero);

    private async Task GenerateAsync(long id, GenerationRequest request, IRequestSink sink, CancellationToken stop)
    {
        int n = request.Sampling.N;
        int room = Model.MaxModelLen - request.PromptTokenIds!.Count;
        int numTokens = Script is null
            ? Math.Min(request.Sampling.MaxTokens ?? room, room)
            : Math.Min(request.Sampling.MaxTokens ?? Script.Length, Script.Length);
        sink.OnEvent(new RequestEvent
        {
            Id = id,
            UserTag = request.UserTag,
            Kind = RequestEventKind.Prompt,
            PromptTokenIds = request.PromptTokenIds,
            PromptLogprobs = request.Sampling.PromptLogprobs is null
                ? null
                : [.. request.PromptTokenIds.Select((token, i) => i == 0 ? null : new[] { Entry(token) })],
        });
        try
        {
            for (int i = 0; i < numTokens; i++)
            {
                await Wait(stop);
                if (i == FailAfterTokens)
                {
                    sink.OnEvent(Event(id, request, RequestEventKind.Failed));
                    return;
                }

                for (int output = 0; output < n; output++)
                {
                    sink.OnEvent(Script is null
                        ? Token(id, request, output, i)
                        : Token(id, request, output, Script[i]));
                }
            }

            End(id, request, sink, Script?.Length == numTokens ? FinishReason.Stop : FinishReason.Length);
        }
        catch (OperationCanceledException)
        {
            End(id, request, sink, FinishReason.Abort);
        }
        finally
        {
            _running.TryRemove(id, out _);
        }
    }

    private async Task Wait(CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        if (TokenDelay > TimeSpan.Zero)
        {
            await Task.Delay(TokenDelay, stop);
        }
    }

    private static TokenLogprob Entry(int token) => new(token, -1.5f, 1);

    private static RequestEvent Event(long id, GenerationRequest request, RequestEventKind kind) => new()
    {
        Id = id,
        UserTag = request.UserTag,
        Kind = kind,
        Error = kind == RequestEventKind.Failed ? new EngineException(EngineStatus.Internal, "it broke") : null,
    };

    private static RequestEvent Token(long id, GenerationRequest request, int output, int position) =>
        Token(id, request, output, (char)('a' + ((position + output) % 26)));

    private static RequestEvent Token(long id, GenerationRequest request, int output, char letter)
    {
        int numLogprobs = request.Sampling.Logprobs ?? -1;
        return new RequestEvent
        {
            Id = id,
            UserTag = request.UserTag,
            Kind = RequestEventKind.Token,
            OutputIndex = output,
            TokenId = (letter & 0xFF) + 3,
            Text = letter.ToString(),
            Logprobs = numLogprobs < 0
                ? null
                : [Entry(letter + 3), .. Enumerable.Range(0, numLogprobs).Select(i => Entry(letter + 3 + i))],
        };
    }

    private static void End(long id, GenerationRequest request, IRequestSink sink, FinishReason reason)
    {
        for (int output = 0; output < request.Sampling.N; output++)
        {
            sink.OnEvent(new RequestEvent
            {
                Id = id,
                UserTag = request.UserTag,
                Kind = RequestEventKind.OutputFinished,
                OutputIndex = output,
                FinishReason = reason,
            });
        }

        sink.OnEvent(Event(id, request, RequestEventKind.Finished));
    }
}
