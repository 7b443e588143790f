using System.Text.RegularExpressions;
using Engine.Grammar;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Tests.Speculation;

namespace Engine.Tests.Hosting;

/// <summary>Grammars beside everything else an engine does, with the demo model.</summary>
public sealed class ConstrainedOutputTests
{
    private const string Prompt = "Once upon a time there was a duck who wrote everything down in a small book";

    private const string Schema = """
        {"type":"object","properties":{"name":{"type":"string","maxLength":6},"age":{"type":"integer","minimum":0,
        "maximum":99}},"required":["name","age"],"additionalProperties":false}
        """;

    private LoadedModel _model = null!;

    [OneTimeSetUp]
    public void Load() => _model = LoadedModel.Load(
        new ModelLoadOptions { Model = Path.Combine(TestPaths.Root, "demo-model", "model") });

    [OneTimeTearDown]
    public void Unload() => _model?.Dispose();

    [Test]
    public void EveryBeamFollowsTheGrammar()
    {
        using EngineWorker worker = NewWorker();
        const string pattern = "(red|green|blue) (duck|owl)";
        IReadOnlyList<BeamOutput> beams = Search(worker, new StructuredOutputs { Regex = pattern }, 3);
        string[] texts = [.. beams.Select(beam => worker.Tokenizer!.Decode(beam.Tokens))];
        Assert.That(texts, Has.Length.EqualTo(3).And.All.Matches<string>(text => Regex.IsMatch(text, $"^{pattern}$")));
        Assert.That(beams.Select(beam => string.Join(' ', beam.Tokens)), Is.Unique);
        Assert.That(beams.Select(beam => beam.IsEnded), Is.All.True);
    }

    [Test]
    public void TheWidestSearchFindsTheLikeliestTextOfAGrammar()
    {
        using EngineWorker worker = NewWorker();
        string[] choices = ["a duck", "an owl", "the old goat", "nobody"];
        IReadOnlyList<BeamOutput> beams = Search(worker, new StructuredOutputs { Choice = choices }, 10, penalty: 0);
        int[] prompt = worker.Tokenizer!.Encode(Prompt);
        double[] sums = [.. beams.Select(beam => Score(worker, prompt, beam.Tokens))];
        Assert.That(beams.Select(beam => beam.SumLogprobs), Is.EqualTo(sums).Within(1e-3), "sums are of raw logits");
        Assert.That(sums, Is.Ordered.Descending);
        Assert.That(
            beams.Select(beam => worker.Tokenizer!.Decode(beam.Tokens)).Distinct(), Is.SubsetOf(choices));
    }

    [Test]
    public void BeamsKeepTheirTokensLogProbabilities()
    {
        using EngineWorker worker = NewWorker();
        BeamOutput beam = Search(worker, null, 2, numLogprobs: 3)[0];
        Assert.That(beam.Logprobs.Select(token => token[0].TokenId), Is.EqualTo(beam.Tokens));
        Assert.That(beam.Logprobs.Sum(token => (double)token[0].Logprob), Is.EqualTo(beam.SumLogprobs).Within(1e-4));
        Assert.That(beam.Logprobs.Select(token => token.Count), Is.All.EqualTo(4));
    }

    [Test]
    public void APrefixFromTheCacheChangesNoConstrainedOutput()
    {
        using EngineWorker cold = NewWorker();
        using EngineWorker warm = NewWorker();
        EngineWorkerTests.Start(warm, Prompt, new SamplingParams { MaxTokens = 4 }).WaitForEnd();
        foreach (SamplingParams sampling in Requests())
        {
            CollectingSink expected = EngineWorkerTests.Start(cold, Prompt, sampling with { Speculative = false });
            CollectingSink found = EngineWorkerTests.Start(warm, Prompt, sampling);
            Assert.That(
                OutputText.Describe(found.WaitForEnd()), Is.EqualTo(OutputText.Describe(expected.WaitForEnd())), $"{sampling}");
        }

        Assert.That(warm.Metrics.PrefixCacheHits, Is.Positive);
    }

    [Test]
    public void PreemptionChangesNoConstrainedOutputWithAndWithoutTheCache()
    {
        using EngineWorker roomy = NewWorker();
        using EngineWorker tight = NewWorker(numBlocks: 14);

        // How many requests meet is a matter of when each comes: again until memory has been short.
        for (int round = 0; round < 50 && tight.Metrics.NumPreemptions == 0; round++)
        {
            SamplingParams[] all = [.. Requests(), .. Requests().Select(request => request with { Seed = 9 + round })];
            CollectingSink[] expected = [.. all.Select(s => EngineWorkerTests.Start(roomy, Prompt, s))];
            CollectingSink[] found = [.. all.Select(s => EngineWorkerTests.Start(tight, Prompt, s))];
            for (int i = 0; i < all.Length; i++)
            {
                string wanted = OutputText.Describe(expected[i].WaitForEnd());
                Assert.That(OutputText.Describe(found[i].WaitForEnd()), Is.EqualTo(wanted), $"{all[i]}");
            }
        }

        Assert.That(tight.Metrics.NumPreemptions, Is.Positive);
        Assert.That(tight.Metrics.PrefixCacheHits, Is.Positive);
    }

    [TestCase("""{"method": "ngram", "num_speculative_tokens": 5, "prompt_lookup_min": 1, "adaptive": false}""")]
    [TestCase("""{"method": "draft_model", "model": "demo-model/draft", "num_speculative_tokens": 4, "adaptive": false}""")]
    public void AnAnswerAfterAThoughtFollowsItsGrammarAndIsTheSameWithDrafts(string config)
    {
        using EngineWorker plain = NewWorker();
        using EngineWorker drafting = new(_model, Options(128) with { Speculative = DemoDrafts.Options(config) });
        int numEnded = 0;
        foreach (int seed in (int[])[1, 2, 3, 4])
        {
            // The model has never seen such a tag; bias brings its thought to an end.
            var sampling = new SamplingParams
            {
                Temperature = 0.8f,
                Seed = seed,
                MaxTokens = 150,
                LogitBias = plain.Tokenizer!.Encode("</think>", addSpecialTokens: false).Distinct()
                    .ToDictionary(id => id, _ => 6f),
                StructuredOutputs = new StructuredOutputs { Regex = "(yes|no), [a-z]{2,6}", AfterReasoning = "qwen3" },
            };
            CollectingSink expected = EngineWorkerTests.Start(plain, Prompt, sampling with { Speculative = false });
            CollectingSink found = EngineWorkerTests.Start(drafting, Prompt, sampling);
            Assert.That(
                OutputText.Describe(found.WaitForEnd()), Is.EqualTo(OutputText.Describe(expected.WaitForEnd())), $"seed {seed}");
            string text = found.Text();
            if (found.OutputFinished().FinishReason == FinishReason.Stop)
            {
                numEnded++;
                Assert.That(text, Does.Match("^(?s:.*?)</think>(yes|no), [a-z]{2,6}$"));
            }
        }

        Assert.That(numEnded, Is.Positive);
        Assert.That(drafting.Metrics.SpecDecodeNumDrafts, Is.Positive);
    }

    private static SamplingParams[] Requests()
    {
        var json = new SamplingParams
        {
            Temperature = 1,
            Seed = 5,
            MaxTokens = 60,
            StructuredOutputs = new StructuredOutputs { Json = Schema },
        };
        return
        [
            json, json with { Temperature = 0 }, json with { N = 2, Logprobs = 2 },
            json with { StructuredOutputs = new StructuredOutputs { Regex = "([a-z]{3,7} ){6}end" } },
            json with { StructuredOutputs = new StructuredOutputs { Grammar = "root ::= \"(\" root \")\" | [a-z]+" } },
        ];
    }

    private static IReadOnlyList<BeamOutput> Search(
        EngineWorker worker, StructuredOutputs? outputs, int width, float penalty = 1, int? numLogprobs = null)
    {
        int[] prompt = worker.Tokenizer!.Encode(Prompt);
        var scorer = new EngineBeamScorer((request, sink) => worker.Submit(request, sink), prompt.Length)
        {
            StructuredOutputs = outputs,
        };
        return BeamSearch.Run(
            prompt,
            new BeamSearchParams
            {
                BeamWidth = width,
                MaxTokens = 24,
                LengthPenalty = penalty,
                NumLogprobs = numLogprobs,
            },
            worker.Model.EosTokenIds,
            scorer.Score);
    }

    private static double Score(EngineWorker worker, int[] prompt, int[] tokens)
    {
        CollectingSink sink = new();
        worker.Submit(
            new GenerationRequest
            {
                PromptTokenIds = [.. prompt, .. tokens],
                Sampling = new SamplingParams { MaxTokens = 1, PromptLogprobs = 0 },
            },
            sink);
        return sink.WaitForEnd().Events[0].PromptLogprobs!.Skip(prompt.Length).Sum(entry => (double)entry![0].Logprob);
    }

    private EngineWorker NewWorker(int numBlocks = 160) => new(_model, Options(numBlocks));

    private static EngineOptions Options(int numBlocks) =>
        new() { MaxNumSeqs = 8, NumBlocks = numBlocks, MaxModelLen = 256 };
}
