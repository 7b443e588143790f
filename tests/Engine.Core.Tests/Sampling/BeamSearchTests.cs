using System.Text.Json;
using Engine.Devices.Reference;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Tests.Golden;

namespace Engine.Tests.Sampling;

/// <summary>Beam search over small chains by hand, and over models against transformers.</summary>
[TestFixture]
public sealed class BeamSearchTests
{
    private const int Eos = 0;

    [TestCaseSource(nameof(Folders))]
    public void AModelsBeamsEqualTheGoldens(string folder)
    {
        string path = Path.Combine(Root, folder);
        using var device = new ReferenceDevice();
        using SingleRun run = SingleRun.Open(path, device, "config.json");
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(path, "beam.json")));
        JsonElement settings = golden.RootElement.GetProperty("settings");
        var parameters = new BeamSearchParams
        {
            BeamWidth = settings.GetProperty("num_beams").GetInt32(),
            MaxTokens = settings.GetProperty("max_new_tokens").GetInt32(),
            LengthPenalty = settings.GetProperty("length_penalty").GetSingle(),
        };
        foreach (JsonElement c in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            string name = c.GetProperty("name").GetString()!;
            JsonElement eos = c.GetProperty("eos_token_id");
            IReadOnlyList<BeamOutput> found = BeamSearch.Run(
                SamplingData.Ints(c, "prompt_token_ids"),
                parameters,
                eos.ValueKind == JsonValueKind.Null ? [] : [eos.GetInt32()],
                (prefixes, count) => Score(run, prefixes, count));
            Assert.That(
                found.Select(beam => beam.Tokens),
                Is.EqualTo(c.GetProperty("sequences").EnumerateArray().Select(SamplingData.Ints)), name);
            Assert.That(
                found.Select(beam => (float)beam.Score),
                Is.EqualTo(SamplingData.Floats(c.GetProperty("scores"))).Within(1e-4f), name);
            Assert.That(
                found.Select(beam => (float)beam.SumLogprobs),
                Is.EqualTo(SamplingData.Floats(c.GetProperty("sum_logprobs"))).Within(1e-3f), name);
        }
    }

    [Test]
    public void TheBestOutputNeedNotStartWithTheBestToken()
    {
        // 1 is likelier at first, but what follows 2 is certain.
        IReadOnlyList<BeamOutput> found = BeamSearch.Run(
            [9], new BeamSearchParams { BeamWidth = 2, MaxTokens = 2 }, [],
            Chain(tokens => tokens[^1] switch
            {
                9 => [(1, 0.6), (2, 0.4)],
                1 => [(3, 0.5), (4, 0.5)],
                _ => [(5, 1.0)],
            }));
        Assert.That(found[0].Tokens, Is.EqualTo(new[] { 2, 5 }));
        Assert.That(found[0].SumLogprobs, Is.EqualTo(Math.Log(0.4)).Within(1e-6));
    }

    [TestCase(0f, new[] { Eos })]
    [TestCase(2f, new[] { 1, 1, Eos })]
    public void TheLengthPenaltyDecidesBetweenShortAndLong(float penalty, int[] best)
    {
        IReadOnlyList<BeamOutput> found = BeamSearch.Run(
            [9], new BeamSearchParams { BeamWidth = 2, MaxTokens = 3, LengthPenalty = penalty }, [Eos],
            Chain(tokens => tokens.Length == 3 ? [(Eos, 0.9), (1, 0.1)] : [(1, 0.6), (Eos, 0.4)]));
        Assert.That(found[0].Tokens, Is.EqualTo(best));
        Assert.That(found[0].IsEnded, Is.True);
    }

    [Test]
    public void IgnoreEosGoesOn()
    {
        IReadOnlyList<BeamOutput> found = BeamSearch.Run(
            [9], new BeamSearchParams { BeamWidth = 1, MaxTokens = 3, IgnoreEos = true }, [Eos],
            Chain(_ => [(Eos, 0.9), (1, 0.1)]));
        Assert.That(found[0].Tokens, Is.EqualTo(new[] { Eos, Eos, Eos }));
        Assert.That(found[0].IsEnded, Is.False);
    }

    [Test]
    public void EarlyStoppingEndsWithTheFirstFullSet()
    {
        int steps = 0;
        BeamSearch.Run(
            [9],
            new BeamSearchParams { BeamWidth = 1, MaxTokens = 50, EarlyStopping = BeamEarlyStopping.WhenFull },
            [Eos],
            (prefixes, count) =>
            {
                steps++;
                return Chain(_ => [(Eos, 0.6), (1, 0.4)])(prefixes, count);
            });
        Assert.That(steps, Is.EqualTo(1));
    }

    [Test]
    public void AWidthAboveHalfOfMaxLogprobsIsRefusedByName()
    {
        Assert.That(() => new BeamSearchParams { BeamWidth = 11 }.Validate(20),
            Throws.InstanceOf<EngineException>()
                .With.Property(nameof(EngineException.Parameter)).EqualTo("beam_width"));
    }

    private static string Root =>
        Environment.GetEnvironmentVariable("ENGINE_MODEL_DATA") ?? GoldenFolder.Committed;

    private static IEnumerable<string> Folders() =>
        Directory.GetDirectories(Root)
            .Where(path => File.Exists(Path.Combine(path, "beam.json")))
            .Select(path => Path.GetFileName(path)!)
            .Order(StringComparer.Ordinal);

    private static TokenLogprob[][] Score(SingleRun run, IReadOnlyList<int[]> prefixes, int count) =>
        [.. prefixes.Select(prefix =>
        {
            float[] logits = run.Forward(prefix, 0).Logits;
            int vocabSize = logits.Length / prefix.Length;
            new Sampler(vocabSize).Score(
                logits.AsSpan(logits.Length - vocabSize), 0, count, vocabSize, out TokenLogprob[]? best);
            return best![1..];
        })];

    private static BeamScorer Chain(Func<int[], (int Token, double Probability)[]> next) =>
        (prefixes, count) => [.. prefixes.Select(prefix => next(prefix)
            .OrderByDescending(item => item.Probability)
            .Take(count)
            .Select(item => new TokenLogprob(item.Token, (float)Math.Log(item.Probability), 1))
            .ToArray())];
}
