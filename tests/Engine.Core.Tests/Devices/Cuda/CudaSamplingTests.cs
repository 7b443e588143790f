using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Hosting;
using Engine.Memory;
using Engine.Sampling;
using Engine.Tests.Golden;
using Engine.Tests.Hosting;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Tokens chosen on the fake GPU are those that the host's sampler chooses.</summary>
[TestFixture]
internal sealed class CudaSamplingTests
{
    private const int Vocab = 1200;
    private const int RowLength = 1216;
    private static readonly string _folder = Path.Combine(GoldenFolder.Committed, "llama-bf16");

    [TestCase(0f, 0, 1f, 0f)]
    [TestCase(1f, 0, 1f, 0f)]
    [TestCase(0.7f, 40, 0.9f, 0f)]
    [TestCase(1.3f, 0, 0.95f, 0f)]
    [TestCase(0.9f, 0, 0.5f, 0.02f)]
    [TestCase(2f, 0, 1f, 0.1f)]
    [TestCase(1f, 5, 1f, 0f)]
    [TestCase(1f, 1, 0.2f, 1f)]
    [TestCase(0.01f, 0, 0.999f, 0f)]
    public void Every_choice_is_the_host_s(float temperature, int topK, float topP, float minP)
    {
        const int Rows = 24;
        int seed = TestContext.CurrentContext.Random.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        Random random = new(seed);
        float[] logits = [.. Enumerable.Range(0, Rows * RowLength).Select(_ => Logit(random))];
        SamplingParams parameters = new() { Temperature = temperature, TopK = topK, TopP = topP, MinP = minP };
        SamplingProgram program = SamplingProgram.Compile(parameters, Vocab, [], [], []);
        using FakeCuda fake = new();
        using CudaDevice gpu = fake.Device();
        int[] onGpu = new int[Rows], onHost = new int[Rows];
        var choices = new TokenChoice[Rows];
        for (int r = 0; r < Rows; r++)
        {
            SamplerState state = new(program, (ulong)(seed + r), r % 3, 100);
            int[] tokens = new int[1 + r];
            Assert.That(DeviceChoice.TryMake(state, r, out choices[r]));
            float[] row = logits.AsSpan(r * RowLength, RowLength).ToArray();
            Assert.That(
                new Sampler(RowLength).Sample(row, state, tokens, 1, out onHost[r], out _),
                Is.EqualTo(EngineStatus.Ok));
        }

        using DeviceBuffer buffer = gpu.Upload(logits);
        gpu.Choose(buffer.View(DType.F32, Rows, RowLength), choices, onGpu);
        Assert.That(onGpu, Is.EqualTo(onHost));
    }

    [Test]
    public void What_is_no_number_is_told_apart_from_what_leaves_nothing()
    {
        float[] logits = new float[4 * 8];
        logits[(0 * 8) + 7] = float.NaN;
        logits[(1 * 8) + 2] = float.PositiveInfinity;
        logits.AsSpan(16, 8).Fill(float.NegativeInfinity);
        TokenChoice greedy = new() { NumIds = 6, TopP = TokenChoice.Whole, MinOffset = 1 };
        using FakeCuda fake = new();
        using CudaDevice gpu = fake.Device();
        using DeviceBuffer buffer = gpu.Upload(logits);
        int[] tokens = new int[4];
        gpu.Choose(buffer.View(DType.F32, 4, 8), [greedy, greedy, greedy, greedy], tokens);
        Assert.That(
            tokens,
            Is.EqualTo(new[] { IDeviceSampler.Corrupt, IDeviceSampler.Corrupt, IDeviceSampler.Nothing, 0 }));
    }

    [TestCase("temperature")]
    [TestCase("logprobs")]
    [TestCase("penalty")]
    public void Whoever_decides_the_text_is_the_same(string kind)
    {
        using FakeCuda fake = new();
        int[] onGpu = Run("cuda", kind), onCpu = Run("cpu", kind);
        Assert.That(onGpu, Is.EqualTo(onCpu));
    }

    [Test]
    public void Only_tokens_leave_the_device_unless_logits_are_asked_for()
    {
        using FakeCuda fake = new();
        long plain = BytesOf("temperature"), scored = BytesOf("logprobs");
        Assert.Multiple(() =>
        {
            Assert.That(plain, Is.LessThan(20 * 8 * sizeof(int)));
            Assert.That(scored, Is.GreaterThan(100 * plain));
        });

        long BytesOf(string kind)
        {
            long before = fake.Counters.BytesToHost;
            Run("cuda", kind);
            return fake.Counters.BytesToHost - before;
        }
    }

    [Test]
    public void Rows_that_want_logits_and_rows_that_do_not_share_a_step()
    {
        using FakeCuda fake = new();
        using LoadedModel model = Load("cuda");
        int[] alone, together;
        using (EngineWorker worker = new(model, Options())) alone = Wait(Start(worker, "logprobs"));
        using (EngineWorker worker = new(model, Options()))
        {
            CollectingSink[] sinks =
                [Start(worker, "temperature"), Start(worker, "logprobs"), Start(worker, "temperature")];
            together = Wait(sinks[1]);
            Assert.That(Wait(sinks[0]), Is.EqualTo(Wait(sinks[2])));
        }

        Assert.That(together, Is.EqualTo(alone));
    }

    // Some logits are equal, some impossible.
    private static float Logit(Random random) => random.Next(20) switch
    {
        0 => float.NegativeInfinity,
        1 => 2.5f,
        _ => (10 * random.NextSingle()) - 5,
    };

    private static int[] Run(string device, string kind)
    {
        using LoadedModel model = Load(device);
        using EngineWorker worker = new(model, Options());
        return Wait(Start(worker, kind));
    }

    private static LoadedModel Load(string device) => LoadedModel.Load(new ModelLoadOptions
    {
        Model = _folder,
        Device = device,
        Dtype = "float32",
        Cuda = device == "cuda" ? FakeCuda.DeviceOptions() : null,
    });

    private static EngineOptions Options() => new()
    {
        NumBlocks = 40,
        MaxNumSeqs = 4,
        MaxNumBatchedTokens = 64,
        MaxModelLen = 200,
    };

    private static int[] Wait(CollectingSink sink)
    {
        sink.WaitForEnd();
        return sink.Tokens();
    }

    private static CollectingSink Start(EngineWorker worker, string kind)
    {
        CollectingSink sink = new();
        worker.Submit(
            new GenerationRequest
            {
                PromptTokenIds = [5, 6, 7, 8],
                Sampling = new SamplingParams
                {
                    Temperature = 0.9f,
                    TopP = 0.95f,
                    TopK = 50,
                    Seed = 11,
                    MaxTokens = 20,
                    IgnoreEos = true,
                    Detokenize = false,
                    Logprobs = kind == "logprobs" ? 1 : null,
                    RepetitionPenalty = kind == "penalty" ? 1.2f : 1f,
                },
            },
            sink);
        return sink;
    }
}
