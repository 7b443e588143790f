using System.Collections.Concurrent;
using Engine.Hosting;

namespace Engine.Tests.Hosting;

/// <summary>Keeps a request's events and checks their order as they come.</summary>
internal sealed class CollectingSink : IRequestSink
{
    private readonly ConcurrentQueue<RequestEvent> _events = new();
    private readonly ManualResetEventSlim _ended = new();
    private readonly ManualResetEventSlim _hasToken = new();

    public Action<RequestEvent>? OnEach { get; init; }

    public string? OrderError { get; private set; }

    public RequestEvent[] Events => [.. _events];

    public RequestEvent Last => Events[^1];

    public void OnEvent(RequestEvent e)
    {
        Check(e);
        _events.Enqueue(e);
        OnEach?.Invoke(e);
        if (e.Kind == RequestEventKind.Token)
        {
            _hasToken.Set();
        }

        if (e.Kind is RequestEventKind.Finished or RequestEventKind.Failed)
        {
            _ended.Set();
        }
    }

    public CollectingSink WaitForEnd(int seconds = 20)
    {
        Assert.That(_ended.Wait(TimeSpan.FromSeconds(seconds)), "no terminal event in time");
        Assert.That(OrderError, Is.Null);
        return this;
    }

    public void WaitForToken() =>
        Assert.That(_hasToken.Wait(TimeSpan.FromSeconds(20)), "no token in time");

    public string Text(int output = 0) => string.Concat(
        Events.Where(e => e.OutputIndex == output).Select(e => e.Text));

    public int[] Tokens(int output = 0) =>
    [
        .. Events.Where(e => e.Kind == RequestEventKind.Token && e.OutputIndex == output)
            .Select(e => e.TokenId),
    ];

    public RequestEvent OutputFinished(int output = 0) => Events.Single(
        e => e.Kind == RequestEventKind.OutputFinished && e.OutputIndex == output);

    public int Count(RequestEventKind kind) => Events.Count(e => e.Kind == kind);

    private void Check(RequestEvent e)
    {
        RequestEvent[] before = Events;
        if (before.Any(b => b.Kind is RequestEventKind.Finished or RequestEventKind.Failed))
        {
            OrderError = $"{e.Kind} after the terminal event";
        }
        else if (e.Kind == RequestEventKind.Prompt && before.Length > 0)
        {
            OrderError = "the prompt was not first";
        }
        else if (e.Kind is RequestEventKind.Token or RequestEventKind.OutputFinished
            && before.Any(b => b.Kind == RequestEventKind.OutputFinished && b.OutputIndex == e.OutputIndex))
        {
            OrderError = $"{e.Kind} after its output finished";
        }
    }
}
