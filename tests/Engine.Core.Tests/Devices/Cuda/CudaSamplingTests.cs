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
        using DeviceChooser chooser = gpu.CreateChooser(new ChooserLimits(Rows, RowLength, 0));
        int[] onHost = new int[Rows];
        chooser.Begin(Rows);
        for (int r = 0; r < Rows; r++)
        {
            SamplerState state = new(program, (ulong)(seed + r), r % 3, 100);
            int[] tokens = new int[1 + r];
            Assert.That(DeviceChoice.TryAsk(chooser, r, state, tokens, 1, 0, new SuffixMatches(100)));
            float[] row = logits.AsSpan(r * RowLength, RowLength).ToArray();
            Assert.That(
                new Sampler(RowLength).Sample(row, state, tokens, 1, out onHost[r], out _),
                Is.EqualTo(EngineStatus.Ok));
        }

        using DeviceBuffer buffer = gpu.Upload(logits);
        chooser.Run(buffer.View(DType.F32, Rows, RowLength));
        Assert.That(chooser.Tokens.ToArray(), Is.EqualTo(onHost));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void What_requests_change_of_their_rows_and_log_probabilities_are_the_host_s(bool emulates)
    {
        int rows = emulates ? 12 : 40, seed = TestContext.CurrentContext.Random.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        Random random = new(seed);
        using FakeCuda fake = new(new FakeCudaOptions { Emulates = emulates, Seed = seed });
        using CudaDevice gpu = fake.Device();
        using DeviceChooser chooser = gpu.CreateChooser(new ChooserLimits(rows, RowLength, 20));
        float[] logits = [.. Enumerable.Range(0, rows * RowLength).Select(_ => Logit(random))];
        var onHost = new (EngineStatus Status, int Token, TokenLogprob[]? Logprobs)[rows];
        var asked = new SamplingParams[rows];
        chooser.Begin(rows);
        for (int r = 0; r < rows; r++)
        {
            asked[r] = SamplingKinds.Draw(random, Vocab + 8) with { ThinkingTokenBudget = r % 5 == 0 ? 2 : null };
            ThoughtBudget? thoughts = r % 5 == 0 ? new ThoughtBudget(2, 3, random.Next(Vocab), true) : null;
            int[][] badWords = [[random.Next(Vocab)], [7, random.Next(Vocab)], [7, 7, 9]];
            SamplingProgram program = SamplingProgram.Compile(
                asked[r], Vocab, [1, 2, 3, 4], badWords, [], null, thoughts);
            int used = r % 2 == 0 ? 9 : Vocab;
            int[] tokens = [.. Enumerable.Range(0, 20 + random.Next(80)).Select(_ => random.Next(used))];
            tokens[^1] = 7;
            int numPrompt = 1 + random.Next(12), numPending = random.Next(3);
            SamplerState onGpu = new(program, (ulong)r, 0, 100), other = new(program, (ulong)r, 0, 100);
            Assert.That(
                DeviceChoice.TryAsk(chooser, r, onGpu, tokens, numPrompt, numPending, new SuffixMatches(100)), $"{r}");
            float[] row = logits.AsSpan(r * RowLength, RowLength).ToArray();
            onHost[r].Status = new Sampler(RowLength).Sample(
                row, other, tokens, numPrompt, out onHost[r].Token, out onHost[r].Logprobs, numPending);
        }

        using DeviceBuffer buffer = gpu.Upload(logits);
        chooser.Run(buffer.View(DType.F32, rows, RowLength));
        Assert.Multiple(() =>
        {
            for (int r = 0; r < rows; r++)
            {
                int expected = onHost[r].Status == EngineStatus.Ok ? onHost[r].Token : IDeviceSampler.Nothing;
                Assert.That(chooser.Tokens[r], Is.EqualTo(expected), $"row {r}");
                if (onHost[r].Logprobs is { } logprobs) CheckLogprobs(chooser, r, asked[r].Logprobs!.Value, logprobs);
            }
        });
    }

    [Test]
    public void A_row_of_more_entries_than_the_device_has_room_for_is_the_host_s()
    {
        using FakeCuda fake = new();
        using CudaDevice gpu = fake.Device();
        using DeviceChooser chooser = gpu.CreateChooser(new ChooserLimits(1400, 20000, 0));
        int most = chooser.Limits.MaxEntries;
        Assert.That(most, Is.LessThan(20000));
        SamplingProgram program = SamplingProgram.Compile(
            new SamplingParams { RepetitionPenalty = 1.1f }, 20000, [], [], []);
        chooser.Begin(2);
        SamplerState state = new(program, 1, 0, 30000);
        SuffixMatches suffixes = new(1);
        int[] tokens = [.. Enumerable.Range(0, most), .. Enumerable.Range(0, most)];
        ChooserLimits limits = chooser.Limits;
        Assert.Multiple(() =>
        {
            Assert.That(DeviceChoice.TryAsk(chooser, 0, state, tokens, most, 0, suffixes));
            Assert.That(DeviceChoice.MayFollowUnseen(state, tokens, most, limits));
            tokens = [.. Enumerable.Range(0, most + limits.RowInts)];
            Assert.That(DeviceChoice.TryAsk(chooser, 1, state, tokens, most, 0, suffixes), Is.False);
            Assert.That(DeviceChoice.MayFollowUnseen(state, tokens, most, limits), Is.False);
        });
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
        using DeviceChooser chooser = gpu.CreateChooser(new ChooserLimits(4, 8, 0));
        chooser.Begin(4);
        for (int r = 0; r < 4; r++) chooser.Choose(r, greedy);
        chooser.Run(buffer.View(DType.F32, 4, 8));
        Assert.That(
            chooser.Tokens.ToArray(),
            Is.EqualTo(new[] { IDeviceSampler.Corrupt, IDeviceSampler.Corrupt, IDeviceSampler.Nothing, 0 }));
    }

    [TestCase("temperature")]
    [TestCase("logprobs")]
    [TestCase("penalty")]
    [TestCase("typical")]
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
        long plain = BytesOf("temperature"), penalised = BytesOf("penalty"), scored = BytesOf("logprobs");
        long whole = BytesOf("typical");
        Assert.Multiple(() =>
        {
            Assert.That(plain, Is.LessThan(20 * 8 * sizeof(int)));
            Assert.That(penalised, Is.EqualTo(plain));
            Assert.That(scored, Is.LessThan(40 * plain));
            Assert.That(whole, Is.GreaterThan(100 * plain));
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
        using (EngineWorker worker = new(model, Options())) alone = Wait(Start(worker, "typical"));
        using (EngineWorker worker = new(model, Options()))
        {
            CollectingSink[] sinks =
                [Start(worker, "temperature"), Start(worker, "typical"), Start(worker, "temperature")];
            together = Wait(sinks[1]);
            Assert.That(Wait(sinks[0]), Is.EqualTo(Wait(sinks[2])));
        }

        Assert.That(together, Is.EqualTo(alone));
    }

    private static void CheckLogprobs(DeviceChooser chooser, int row, int count, TokenLogprob[] expected)
    {
        LogprobRecord record = chooser.Record(row, count, out ReadOnlySpan<ScoredToken> best);
        TokenLogprob[] found = LogprobReader.Read(record, best);
        Assert.That(
            found.Select(l => (l.TokenId, l.Rank)), Is.EqualTo(expected.Select(l => (l.TokenId, l.Rank))),
            $"row {row}");
        for (int i = 0; i < found.Length; i++)
            Assert.That(found[i].Logprob, Is.EqualTo(expected[i].Logprob).Within(1e-5), $"row {row}, {i}");
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
                    TypicalP = kind == "typical" ? 0.9f : 1f,
                },
            },
            sink);
        return sink;
    }
}
