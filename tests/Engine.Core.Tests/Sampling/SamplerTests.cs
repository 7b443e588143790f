using Engine.Sampling;
using Engine.Tokenization;

namespace Engine.Tests.Sampling;

/// <summary>What the sampler promises beside its distribution.</summary>
[TestFixture]
public sealed class SamplerTests
{
    private static readonly SamplingParams[] Kinds =
    [
        new() { Temperature = 0 },
        new() { Temperature = 0.8f },
        new() { TopK = 40, TopP = 0.9f },
        new() { TopP = 0.95f, Temperature = 1.4f },
        new() { MinP = 0.05f, TypicalP = 0.8f },
        new() { XtcProbability = 1, XtcThreshold = 0.01f },
        new() { MirostatMode = 2, MirostatTau = 3 },
        new() { RepetitionPenalty = 1.2f, FrequencyPenalty = 0.3f, PresencePenalty = 0.2f },
        new() { DryMultiplier = 0.8f, NoRepeatNgramSize = 3, LogitBias = new Dictionary<int, float> { [5] = 3 } },
        new() { TopNSigma = 1, DynatempRange = 0.4f },
    ];

    private static IEnumerable<int> KindIndices => Enumerable.Range(0, Kinds.Length);

    [TestCaseSource(nameof(KindIndices))]
    public void IdsOfThePaddingAreNeverSampled(int kind)
    {
        const int vocabSize = 8193;
        const int seed = 11;
        var random = new Random(seed);
        SamplingProgram program = SamplingProgram.Compile(Kinds[kind], vocabSize, [], [], []);
        var sampler = new Sampler(8320);
        for (int i = 0; i < 50; i++)
        {
            float[] logits = [.. Enumerable.Range(0, 8320).Select(id =>
                id < vocabSize ? random.NextSingle() : 50 + random.NextSingle())];
            var state = new SamplerState(program, (ulong)i, 0, 64);
            EngineStatus status = sampler.Sample(logits, state, [1, 2, 1], 1, out int token, out _);
            Assert.That(status, Is.EqualTo(EngineStatus.Ok));
            Assert.That(token, Is.InRange(0, vocabSize - 1), $"seed {seed}");
        }
    }

    [TestCaseSource(nameof(KindIndices))]
    public void AnOutputIsTheSameAloneInACrowdAndStartedOver(int kind)
    {
        const int seed = 3;
        SamplingProgram program = SamplingProgram.Compile(Kinds[kind], 512, [], [], []);
        var shared = new Sampler(512);
        int[] alone = Generate(new Sampler(512), program, [3, 4], 20, restartAt: -1, crowd: null);
        int[] crowded = Generate(shared, program, [3, 4], 20, restartAt: -1, crowd: Kinds);
        int[] restarted = Generate(shared, program, [3, 4], 20, restartAt: 9, crowd: null);
        Assert.That(crowded, Is.EqualTo(alone), $"seed {seed}");
        Assert.That(restarted, Is.EqualTo(alone), $"seed {seed}");
    }

    [TestCaseSource(nameof(KindIndices))]
    public void AStepAllocatesNothing(int kind)
    {
        SamplingProgram program = SamplingProgram.Compile(Kinds[kind], 4096, [], [], []);
        var sampler = new Sampler(4096);
        var state = new SamplerState(program, 1, 0, 1024);
        float[] raw = Logits(4096, 1);
        var logits = new float[4096];
        var tokens = new int[300];
        long before = 0;
        for (int length = 100; length < tokens.Length; length++)
        {
            if (length == 200)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            raw.CopyTo(logits, 0);
            sampler.Sample(logits, state, tokens.AsSpan(0, length), 50, out tokens[length], out _);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void PendingDraftsCountForPenaltiesAndLeaveNoTrace()
    {
        SamplingProgram program = SamplingProgram.Compile(
            new SamplingParams { Temperature = 0, PresencePenalty = 2 }, 4, [], [], []);
        var sampler = new Sampler(4);
        var state = new SamplerState(program, 1, 0, 64);
        sampler.Sample([1f, 0, 0, 0], state, [2, 0], 1, out int drafted, out _, numPending: 1);
        sampler.Sample([1f, 0, 0, 0], state, [2], 1, out int committed, out _);
        Assert.That((drafted, committed), Is.EqualTo((1, 0)));
    }

    [Test]
    public void TokensTakenBackAreNoLongerCounted()
    {
        SamplingProgram program = SamplingProgram.Compile(
            new SamplingParams { Temperature = 0, PresencePenalty = 2 }, 4, [], [], []);
        var sampler = new Sampler(4);
        var state = new SamplerState(program, 1, 0, 64);
        sampler.Sample([1f, 0, 0, 0], state, [2, 0, 0], 1, out _, out _);
        sampler.Sample([1f, 0, 0, 0], state, [2], 1, out int token, out _);
        Assert.That(token, Is.Zero);
    }

    [Test]
    public void OutputsOfOneRequestDiffer()
    {
        SamplingProgram program = SamplingProgram.Compile(new SamplingParams { N = 2 }, 4096, [], [], []);
        var sampler = new Sampler(4096);
        float[] flat = new float[4096];
        int[] tokens = new int[4];
        for (int output = 0; output < tokens.Length; output++)
        {
            sampler.Sample(
                flat, new SamplerState(program, 9, output, 64), [1], 1, out tokens[output], out _);
        }

        Assert.That(tokens.Distinct().Count(), Is.EqualTo(4));
    }

    [Test]
    public void AWordIsBannedWithAndWithoutASpaceBeforeIt()
    {
        Assert.That(BadWords.Encode(["  ab", "b"], new Letters()),
            Is.EqualTo(new[] { new[] { 'a', 'b' }, ['b'], ['B'] }.Select(w => w.Select(c => (int)c))));
    }

    [Test]
    public void DryBreakersAreTokensThatHoldTheTextOrBeginIt()
    {
        Assert.That(DryBreakers.Find(["b"], new Letters()), Is.EqualTo(new[] { new[] { (int)'B' }, ['b'] }));
        Assert.That(DryBreakers.Find(["ab"], new Letters()), Is.EqualTo(new[] { new[] { (int)'a', 'b' } }));
    }

    private static int[] Generate(
        Sampler sampler, SamplingProgram program, int[] prompt, int count, int restartAt, SamplingParams[]? crowd)
    {
        var state = new SamplerState(program, 77, 1, 256);
        List<int> tokens = [.. prompt];
        for (int i = 0; i < count; i++)
        {
            if (i == restartAt && program.Params.MirostatMode == 0)
            {
                state = new SamplerState(program, 77, 1, 256);
            }

            foreach (SamplingParams other in crowd ?? [])
            {
                SamplingProgram p = SamplingProgram.Compile(other, 512, [], [], []);
                sampler.Sample(Logits(512, i), new SamplerState(p, 5, 0, 64), [9, 9], 1, out _, out _);
            }

            sampler.Sample(
                Logits(512, tokens.Sum()), state, tokens.ToArray(), prompt.Length, out int token, out _);
            tokens.Add(token);
        }

        return [.. tokens];
    }

    private static float[] Logits(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => 6 * random.NextSingle())];
    }

    /// <summary>One id per letter; a space and a b are one token, written B.</summary>
    private sealed class Letters : ITokenizer
    {
        public int VocabSize => 128;

        public int[] Encode(string text, bool addSpecialTokens = true) =>
            [.. text.Replace(" b", "B", StringComparison.Ordinal).Select(c => (int)c)];

        public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true) =>
            string.Concat(ids.ToArray().Select(id => id switch
            {
                'a' or 'b' => ((char)id).ToString(),
                'B' => " b",
                _ => "",
            }));

        public int TokenToId(string token) => -1;

        public string? IdToToken(int id) => null;

        public bool IsSpecial(int id) => false;

        public IIncrementalDetokenizer CreateDetokenizer(bool skipSpecialTokens) =>
            throw new NotSupportedException();
    }
}
