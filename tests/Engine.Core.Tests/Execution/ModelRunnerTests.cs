using Engine.Execution;
using Engine.Hosting;
using Engine.Loading;
using Engine.Sampling;
using Engine.Scheduling;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.Golden;
using Engine.Tests.Hosting;

namespace Engine.Tests.Execution;

[TestFixture("reference")]
[TestFixture("cpu")]
[TestFixture("cuda")]
internal sealed class ModelRunnerTests(string device)
{
    private static readonly EngineOptions _options = new()
    {
        MaxNumSeqs = 16,
        MaxNumBatchedTokens = 512,
        NumBlocks = 256,
    };

    private static readonly string _plain = Path.Combine(GoldenFolder.Committed, "llama-plain");

    private FakeCuda? _fake;

    [SetUp]
    public void SetUpDevice() => _fake = device == "cuda" ? new FakeCuda() : null;

    [TearDown]
    public void TearDownDevice() => _fake?.Dispose();

    private LoadedModel Load(string folder) =>
        LoadedModel.Load(
            new ModelLoadOptions { Model = folder, Device = device, Cuda = FakeCuda.DeviceOptions() });

    private static SamplingParams Greedy(int maxTokens) => new() { Temperature = 0, MaxTokens = maxTokens };

    [Test]
    public void Greedy_tokens_equal_the_golden()
    {
        using LoadedModel model = Load(_plain);
        using IModelRunner runner = model.CreateRunner(_options);
        RunnerDriver driver = new(runner);
        GoldenCase golden = GoldenFolder.Read(_plain, "golden")[1];
        int[] found = driver.Finish(driver.Create(golden.Prompt, Greedy(golden.Greedy.Length)));
        Assert.That(found, Is.EqualTo(golden.Greedy));
    }

    [TestCase("llama-plain")]
    [TestCase("mistral")]
    [TestCase("gemma3")]
    [TestCase("gemma4")]
    [TestCase("llama-bf16")]
    public void Chunked_prefill_gives_the_same_bits_as_a_whole_one(string folder)
    {
        using LoadedModel model = Load(Path.Combine(GoldenFolder.Committed, folder));
        using IModelRunner runner = model.CreateRunner(_options);
        RunnerDriver driver = new(runner);
        int[] prompt = Prompt(new Random(1), 61);
        Sequence whole = driver.Create(prompt, Sampled(1)), chunked = driver.Create(prompt, Sampled(1));
        driver.Finish(whole);
        driver.Finish(chunked, tokensPerStep: 7);
        Same(driver, chunked, whole);
    }

    [Test]
    public void A_prefix_that_is_cached_gives_the_same_bits_as_one_that_is_computed()
    {
        using LoadedModel model = Load(_plain);
        using IModelRunner runner = model.CreateRunner(_options);
        RunnerDriver driver = new(runner);
        int[] prompt = Prompt(new Random(2), 50);
        SamplingParams sampling = new() { Temperature = 1, Seed = 3, MaxTokens = 12, Logprobs = 4 };
        Sequence alone = driver.Create(prompt, sampling);
        driver.Finish(alone);
        Sequence cached = driver.CreateSharing(alone, 3, prompt, sampling);
        driver.Finish(cached);
        Same(driver, cached, alone);
    }

    [TestCase("llama-plain")]
    [TestCase("llama-bf16")]
    [TestCase("qwen3")]
    [TestCase("gemma2")]
    [TestCase("gemma4")]
    public void A_sequence_in_a_crowd_gives_the_same_bits_as_alone(string folder)
    {
        int seed = TestContext.CurrentContext.Random.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        Random random = new(seed);
        using LoadedModel model = Load(Path.Combine(GoldenFolder.Committed, folder));
        using IModelRunner runner = model.CreateRunner(_options);
        RunnerDriver driver = new(runner);
        List<(Sequence Crowd, Sequence Alone)> pairs = [];
        for (int i = 0; i < 6; i++)
        {
            int[] prompt = Prompt(random, random.Next(1, 70));
            pairs.Add((driver.Create(prompt, Sampled(i)), driver.Create(prompt, Sampled(i))));
        }
        foreach ((_, Sequence alone) in pairs) driver.Finish(alone);
        while (pairs.Any(p => p.Crowd.NumTokens < p.Crowd.MaxTokensTotal))
        {
            bool any = false;
            foreach ((Sequence s, _) in pairs)
            {
                if (s.NumTokens == s.MaxTokensTotal || random.Next(3) == 0) continue;
                driver.Add(s, random.Next(1, 30));
                any = true;
            }
            if (any) Assert.That(driver.Step(), Is.EqualTo(EngineStatus.Ok), runner.LastError);
        }
        foreach ((Sequence crowd, Sequence alone) in pairs) Same(driver, crowd, alone);
    }

    [Test]
    public void A_copied_block_carries_its_kv()
    {
        using LoadedModel model = Load(_plain);
        using IModelRunner runner = model.CreateRunner(_options);
        RunnerDriver driver = new(runner);
        int[] prompt = Prompt(new Random(4), 20);
        Sequence first = driver.Create(prompt, Sampled(5));
        driver.Finish(first);
        Sequence copy = driver.Create(prompt, Sampled(5) with { PromptLogprobs = null });
        Sequence again = driver.Create(prompt, Sampled(5) with { PromptLogprobs = null });
        driver.Finish(again);
        driver.CopyBlocks(first, copy, 2);
        copy.NumComputedTokens = prompt.Length - 1;
        driver.Finish(copy);
        Same(driver, copy, again);
    }

    [Test]
    public void A_step_allocates_nothing_once_the_sequences_run()
    {
        using LoadedModel model = Load(_plain);
        using IModelRunner runner = model.CreateRunner(_options);
        RunnerDriver driver = new(runner);
        Steps(fresh: 0);
        Assert.That(Steps(fresh: 20), Is.Zero);

        // Bytes that forty steps allocate, but for the first ones. The reference device's scratch grows with contexts.
        long Steps(int fresh)
        {
            Sequence[] sequences =
                [.. Enumerable.Range(0, 4).Select(i => driver.Create(Prompt(new Random(i), 5 + i), Greedy(100)))];
            long bytes = 0;
            for (int step = 0; step < 40; step++)
            {
                foreach (Sequence s in sequences) driver.Add(s);
                long before = GC.GetAllocatedBytesForCurrentThread();
                driver.ExecuteOnly();
                long after = GC.GetAllocatedBytesForCurrentThread();
                if (step >= fresh) bytes += after - before;
                driver.Commit();
            }

            return bytes;
        }
    }

    [Test]
    public void Logits_that_are_no_numbers_fail_their_own_sequence_alone()
    {
        string folder = PoisonedModel(token: 77);
        try
        {
            using LoadedModel model = Load(folder);
            using IModelRunner runner = model.CreateRunner(_options);
            RunnerDriver driver = new(runner);
            GoldenCase golden = GoldenFolder.Read(_plain, "golden")[1];
            Sequence good = driver.Create(golden.Prompt, Greedy(1));
            Sequence bad = driver.Create([5, 77, 9], Greedy(1));
            driver.Add(bad);
            driver.Add(good);
            Assert.That(driver.Step(), Is.EqualTo(EngineStatus.Ok));
            Assert.That(driver.Results.Status(0), Is.EqualTo(EngineStatus.CorruptData));
            Assert.That(driver.Results.Status(1), Is.EqualTo(EngineStatus.Ok));
            Assert.That(good.OutputTokens.ToArray(), Is.EqualTo(golden.Greedy[..1]));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void Prompt_logprobs_score_every_prompt_token_but_the_first()
    {
        using LoadedModel model = Load(_plain);
        using IModelRunner runner = model.CreateRunner(_options);
        RunnerDriver driver = new(runner);
        int[] prompt = Prompt(new Random(6), 30);
        Sequence s = driver.Create(prompt, Greedy(1) with { PromptLogprobs = 0 });
        driver.Finish(s, tokensPerStep: 4);
        Assert.That(driver.Logprobs[s].Select(l => l.TokenId), Is.EqualTo(prompt[1..]));
    }

    [Test]
    public void Rows_sampled_together_are_those_sampled_alone()
    {
        const int Sequences = 12;
        string folder = DummyModel.Create(hidden: 32, layers: 1, vocab: 100_000);
        using LoadedModel model = LoadedModel.Load(
            new ModelLoadOptions
            {
                Model = folder,
                Device = device,
                Cuda = FakeCuda.DeviceOptions(),
                LoadFormat = "dummy",
            });
        using IModelRunner runner = model.CreateRunner(_options);
        RunnerDriver driver = new(runner);
        int[] prompt = Prompt(new Random(5), 9);
        SamplingParams Params(int i) =>
            new() { TopP = 0.5f + (0.05f * (i % 8)), Seed = i, MaxTokens = 6, Logprobs = i % 3 };
        Sequence[] together = [.. Enumerable.Range(0, Sequences).Select(i => driver.Create(prompt, Params(i)))];
        for (int step = 0; step < 6; step++)
        {
            foreach (Sequence s in together) driver.Add(s);
            Assert.That(driver.Step(), Is.EqualTo(EngineStatus.Ok), runner.LastError);
        }

        for (int i = 0; i < Sequences; i += 3)
        {
            Sequence alone = driver.Create(prompt, Params(i));
            driver.Finish(alone);
            Same(driver, together[i], alone);
        }
    }

    private static SamplingParams Sampled(long seed) =>
        new() { Temperature = 1, Seed = seed, MaxTokens = 12, Logprobs = 4, PromptLogprobs = 2 };

    private static int[] Prompt(Random random, int length) =>
        [.. Enumerable.Range(0, length).Select(_ => random.Next(4, 320))];

    private static void Same(RunnerDriver driver, Sequence found, Sequence expected)
    {
        Assert.That(found.OutputTokens.ToArray(), Is.EqualTo(expected.OutputTokens.ToArray()));
        Assert.That(driver.Logprobs[found], Is.EqualTo(driver.Logprobs[expected]));
    }

    /// <summary>llama-plain with NaN for the embedding of one token.</summary>
    private static string PoisonedModel(int token)
    {
        string folder = Directory.CreateTempSubdirectory("engine-test-").FullName;
        File.Copy(Path.Combine(_plain, "config.json"), Path.Combine(folder, "config.json"));
        byte[] file = File.ReadAllBytes(Path.Combine(_plain, "model.safetensors"));
        long headerBytes = BitConverter.ToInt64(file);
        using (SafetensorsFile reader = SafetensorsFile.Open(Path.Combine(_plain, "model.safetensors")))
        {
            SafetensorsTensor table = reader.Tensors["model.embed_tokens.weight"];
            long row = 8 + headerBytes + table.Offset + (token * table.Shape[1] * sizeof(float));
            BitConverter.TryWriteBytes(file.AsSpan((int)row), float.NaN);
        }
        File.WriteAllBytes(Path.Combine(folder, "model.safetensors"), file);
        return folder;
    }
}
