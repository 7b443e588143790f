using Engine.Hosting;
using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Tests.Scheduling;

/// <summary>An engine over the fake model, stepped by hand, all invariants checked after each half of a step.</summary>
internal sealed class Harness
{
    private readonly StepOutput _output = new();
    private readonly Dictionary<long, Request> _requests = [];
    private long _nextId;

    public Harness(EngineOptions options)
    {
        var fake = new FakeModelOptions { EosPeriod = 0 };
        Runner = new SimulatedRunner(fake, options.NumBlocks!.Value, options.BlockSize, new Random(1));
        Engine = new InferenceEngine(Runner, options);
        Runner.Engine = Engine;
    }

    public SimulatedRunner Runner { get; }

    public InferenceEngine Engine { get; }

    public List<long> EndOrder { get; } = [];

    public List<int> StepTokens { get; } = [];

    public List<int> StepSamples { get; } = [];

    public int MaxPreemptions { get; private set; }

    public int NumPromptLogprobs { get; private set; }

    public long Add(
        int promptLength, int n = 1, int maxTokens = 3, int priority = 0, int? promptLogprobs = null)
    {
        int[] prompt = [.. Enumerable.Range(0, promptLength).Select(i => i % 7)];
        var sampling = new SamplingParams { N = n, MaxTokens = maxTokens, PromptLogprobs = promptLogprobs };
        var request = new Request(_nextId++, prompt, sampling, Engine.MaxModelLen, 1) { Priority = priority };
        _requests.Add(request.Id, request);
        Engine.Submit(request);
        return request.Id;
    }

    public void Step()
    {
        EngineStatus status = Engine.Step(_output);
        Assert.That(Engine.Failure, Is.Null);
        Assert.That(status.IsError(), Is.False);
        Engine.Scheduler.CheckIntegrity();
        StepTokens.Add(_output.NumTokens);
        StepSamples.Add(_output.NumSamples);
        foreach (ref readonly StepOutputItem item in _output.Items)
        {
            NumPromptLogprobs += item.PromptLogprobs?.Count ?? 0;
            MaxPreemptions = Math.Max(MaxPreemptions, item.Sequence.NumPreemptions);
            Request request = _requests[item.Sequence.RequestId];
            if (request.NumUnfinished == 0 && !EndOrder.Contains(request.Id))
            {
                EndOrder.Add(request.Id);
            }
        }
    }

    public void RunAll(Action? afterStep = null)
    {
        for (int i = 0; Engine.HasWork; i++)
        {
            Step();
            afterStep?.Invoke();
            Assert.That(i, Is.LessThan(100_000), "requests do not end");
        }
    }
}
