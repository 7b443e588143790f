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
        var fake = new FakeModelOptions
        {
            EosPeriod = 0,
            DraftTokens = options.Speculative?.NumSpeculativeTokens ?? 0,
        };
        Runner = new SimulatedRunner(fake, options.NumBlocks!.Value, options.BlockSize, new Random(1));
        Engine = new InferenceEngine(Runner, options);
        Runner.Engine = Engine;
    }

    public SimulatedRunner Runner { get; }

    public InferenceEngine Engine { get; }

    public List<long> EndOrder { get; } = [];

    /// <summary>Per output, as text: tokens with their logprobs, and prompt positions with theirs.</summary>
    public SortedDictionary<(long Id, int Output), string> Outputs { get; } = [];

    public List<int> StepTokens { get; } = [];

    public List<int> StepSamples { get; } = [];

    public int MaxPreemptions { get; private set; }

    public int NumPromptLogprobs { get; private set; }

    public long Add(
        int promptLength, int n = 1, int maxTokens = 3, int priority = 0, int? promptLogprobs = null,
        int? logprobs = null)
    {
        int[] prompt = [.. Enumerable.Range(0, promptLength).Select(i => i % 7)];
        var sampling = new SamplingParams
        {
            N = n,
            MaxTokens = maxTokens,
            PromptLogprobs = promptLogprobs,
            Logprobs = logprobs,
        };
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
            Record(item);
            NumPromptLogprobs += item.PromptLogprobs?.Count ?? 0;
            MaxPreemptions = Math.Max(MaxPreemptions, item.Sequence.NumPreemptions);
            Request request = _requests[item.Sequence.RequestId];
            if (request.NumUnfinished == 0 && !EndOrder.Contains(request.Id))
            {
                EndOrder.Add(request.Id);
            }
        }
    }

    private void Record(in StepOutputItem item)
    {
        (long, int) key = (item.Sequence.RequestId, item.Sequence.OutputIndex);
        string text = Outputs.GetValueOrDefault(key, "");
        foreach (PromptLogprob entry in item.PromptLogprobs ?? [])
        {
            text += $"p{entry.Position}:{string.Join(',', entry.Logprobs)} ";
        }

        Outputs[key] = item.Token < 0
            ? text
            : text + $"{item.Token}:{string.Join(',', item.Logprobs ?? [])} ";
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
