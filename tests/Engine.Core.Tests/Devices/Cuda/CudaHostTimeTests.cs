using System.Diagnostics;
using System.Text.Json;
using Engine.Execution;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Tests.Devices.Cuda;

/// <summary>What a decode step asks of the driver, and the host's own time: the kernels do nothing.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class CudaHostTimeTests
{
    private string _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase(true)]
    [TestCase(false)]
    public void A_recorded_step_asks_as_little_of_the_driver_however_many_layers_there_are(bool runsAhead)
    {
        Step few = Measure(2, 3, true, runsAhead, 12), many = Measure(7, 3, true, runsAhead, 12);
        TestContext.Out.WriteLine($"{many}");
        Assert.That(many.Launches, Is.EqualTo(few.Launches));
        Assert.That(many.Calls, Is.EqualTo(few.Calls).And.LessThan(20));
        Assert.That(many.GraphLaunches, Is.EqualTo(1));
    }

    [TestCase(1)]
    [TestCase(3)]
    public void A_layer_of_a_step_is_nine_launches(int batch)
    {
        // Norm, qkv, rotation with the cache's write, attention, output; norm, gate and up, their product, down.
        Step few = Measure(2, batch, false, false, 6), many = Measure(6, batch, false, false, 6);
        Assert.That(many.Launches - few.Launches, Is.EqualTo(4 * 9));
    }

    [Test]
    [Explicit("A measurement: host time of decode steps of 32 layers.")]
    public void Measure_steps_of_32_layers()
    {
        foreach (int batch in (int[])[1, 64, 256])
        {
            Print(batch, false, false);
            Print(batch, true, false);
            Print(batch, true, true);
        }
    }

    // Twice: the first time the code is compiled.
    private void Print(int batch, bool usesGraphs, bool runsAhead)
    {
        Measure(32, batch, usesGraphs, runsAhead, 180);
        TestContext.Out.WriteLine(
            $"batch {batch}, graphs {usesGraphs}, ahead {runsAhead}: {Measure(32, batch, usesGraphs, runsAhead, 180)}");
    }

    private Step Measure(int numLayers, int batch, bool usesGraphs, bool runsAhead, int numSteps)
    {
        using FakeCuda fake = new(new FakeCudaOptions { Order = FakeOrder.Late, Skips = true });
        File.WriteAllText(Path.Combine(_folder, "config.json"), JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["architectures"] = new[] { "LlamaForCausalLM" },
            ["model_type"] = "llama",
            ["hidden_size"] = 128,
            ["intermediate_size"] = 128,
            ["num_hidden_layers"] = numLayers,
            ["num_attention_heads"] = 2,
            ["num_key_value_heads"] = 1,
            ["vocab_size"] = 256,
            ["hidden_act"] = "silu",
            ["rms_norm_eps"] = 1e-5,
            ["max_position_embeddings"] = 1024,
        }));
        using LoadedModel model = LoadedModel.Load(new ModelLoadOptions
        {
            Model = _folder,
            Device = "cuda",
            LoadFormat = "dummy",
            Dtype = "bfloat16",
            Cuda = FakeCuda.DeviceOptions(usesGraphs: usesGraphs) with { RunsAhead = runsAhead },
        });
        // Not so long that a table of blocks gets wider or attention has more than one chunk.
        EngineOptions options = new() { NumBlocks = batch * 16, MaxNumSeqs = batch, MaxModelLen = 250 };
        using ModelRunner runner = (ModelRunner)model.CreateRunner(options);
        InferenceEngine engine = new(runner, options);
        for (int i = 0; i < batch; i++)
        {
            SamplingParams sampling = new() { Temperature = 0, MaxTokens = 230, IgnoreEos = true };
            engine.Submit(new Request(i, [1, 2, 3], sampling, engine.MaxModelLen, 1));
        }

        StepOutput output = new();
        for (int i = 0; i < 30; i++) engine.Step(output);
        double[] microseconds = new double[numSteps];
        FakeCudaCounters from = fake.Counters;
        for (int i = 0; i < numSteps; i++)
        {
            long inDriver = fake.Counters.Nanoseconds, start = Stopwatch.GetTimestamp();
            engine.Step(output);
            microseconds[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds
                - ((fake.Counters.Nanoseconds - inDriver) / 1000.0);
        }

        FakeCudaCounters to = fake.Counters;
        Assert.That(output.NumSequences, Is.EqualTo(batch), engine.Failure);
        Array.Sort(microseconds);
        return new Step(
            (to.Launches - from.Launches) / numSteps, (to.GraphLaunches - from.GraphLaunches) / numSteps,
            (to.Calls - from.Calls) / numSteps, microseconds[numSteps / 10], microseconds[numSteps / 2]);
    }

    /// <summary>Of one step; the time is the host's own, without that in the fake driver. Where other processes want
    /// the cores, the lowest tenth says more than the median.</summary>
    private readonly record struct Step(
        long Launches, long GraphLaunches, long Calls, double P10Microseconds, double MedianMicroseconds);
}
