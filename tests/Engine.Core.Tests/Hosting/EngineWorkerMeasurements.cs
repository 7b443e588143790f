using System.Diagnostics;
using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Tests.Hosting;

[Explicit("Measurements, without a model.")]
public sealed class EngineWorkerMeasurements
{
    [TestCase(1)]
    [TestCase(32)]
    [TestCase(256)]
    public void TokensPerSecondThroughEventsAndText(int numRequests)
    {
        using EngineWorker worker = FakeModel.CreateWorker(
            "fake:eos_period=0,max_model_len=600", new EngineOptions { NumBlocks = 16384 });
        var sampling = new SamplingParams { MaxTokens = 256, IgnoreEos = true, Stop = ["\u0001\u0002"] };
        for (int round = 0; round < 3; round++)
        {
            var done = new CountdownEvent(numRequests);
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < numRequests; i++)
            {
                worker.Submit(
                    new GenerationRequest { Prompt = $"prompt number {i}", Sampling = sampling },
                    new CountingSink(done));
            }

            done.Wait();
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            TestContext.Out.WriteLine(
                $"{numRequests} requests: {numRequests * 256 / seconds:F0} tokens/s, "
                + $"{seconds * 1e6 / 256:F0} us/step, the fake model included");
        }
    }

    private sealed class CountingSink(CountdownEvent done) : IRequestSink
    {
        public void OnEvent(RequestEvent e)
        {
            if (e.Kind == RequestEventKind.Finished)
            {
                done.Signal();
            }
        }
    }
}
