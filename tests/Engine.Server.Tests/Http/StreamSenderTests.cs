using Engine.Hosting;
using Engine.Server.Http.Generation;

namespace Engine.Server.Tests.Http;

/// <summary>When the events of streams are handed over.</summary>
[TestFixture]
public sealed class StreamSenderTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    [TestCase(0, 2, 0)]
    [TestCase(10, 2, 4)]
    [TestCase(256, 2, 100, Description = "never longer")]
    [TestCase(256, 64, 3.2)]
    public void ARoundIsFollowedByAPauseInProportionToItsWrites(int numWrites, int numProcessors, double expectedMs) =>
        Assert.That(
            StreamSender.PauseAfter(numWrites, numProcessors).TotalMilliseconds, Is.EqualTo(expectedMs).Within(1e-3));

    [Test]
    public async Task ATokenOfAPacedStreamDoesNotWaitForAnother()
    {
        var events = new EventQueue(maxBacklog: 64, interval: 0);
        for (int token = 0; token < 5; token++)
        {
            Task<bool> wait = events.WaitAsync().AsTask();
            events.OnEvent(Token(token));
            Assert.That(await wait.WaitAsync(_patience), Is.True);
            Assert.That(events.TryRead(out RequestEvent e), Is.True);
            Assert.That(e.TokenId, Is.EqualTo(token));
            Assert.That(events.TryRead(out _), Is.False);
        }
    }

    [Test]
    public async Task AnAnswerThatNobodyReadsAlongGoesOnToo()
    {
        var events = new EventQueue(interval: 128, isStream: false);
        Task<bool> wait = events.WaitAsync().AsTask();
        events.OnEvent(new RequestEvent { Id = 1, UserTag = 0, Kind = RequestEventKind.Finished });
        Assert.That(await wait.WaitAsync(_patience), Is.True);
    }

    [Test]
    public async Task NoEventOfManyStreamsIsLostOrRepeated([Values(0, 1, 3)] int interval)
    {
        const int numQueues = 300;
        const int numTokens = 100;
        EventQueue[] queues =
            [.. Enumerable.Range(0, numQueues).Select(_ => new EventQueue(maxBacklog: 256, interval: interval))];
        Task<List<int>>[] readers = [.. queues.Select(ReadAsync)];

        // A thread that steps, as the engine's does.
        await Task.Factory.StartNew(
            () =>
            {
                for (int token = 0; token < numTokens; token++)
                {
                    Array.ForEach(queues, queue => queue.OnEvent(Token(token)));
                    if (token % 10 == 0) Thread.Sleep(1);
                }

                Array.ForEach(queues, queue => queue.OnEvent(
                    new RequestEvent { Id = 1, UserTag = 0, Kind = RequestEventKind.Finished }));
            },
            TaskCreationOptions.LongRunning);
        List<int>[] found = await Task.WhenAll(readers).WaitAsync(_patience);
        Assert.That(found, Is.All.EqualTo(Enumerable.Range(0, numTokens)));
    }

    private static RequestEvent Token(int token) =>
        new() { Id = 1, UserTag = 0, Kind = RequestEventKind.Token, TokenId = token };

    private static async Task<List<int>> ReadAsync(EventQueue events)
    {
        List<int> found = [];
        while (true)
        {
            await events.WaitAsync();
            while (events.TryRead(out RequestEvent e))
            {
                if (e.Kind == RequestEventKind.Finished) return found;
                found.Add(e.TokenId);
            }
        }
    }
}
