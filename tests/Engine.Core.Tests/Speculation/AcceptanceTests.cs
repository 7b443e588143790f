using System.Text.Json;
using Engine.Hosting;
using Engine.Loading;
using Engine.Memory;
using Engine.Sampling;
using Engine.Scheduling;
using Engine.Tests.Execution;
using Engine.Tests.Quantization;
using Engine.Tests.Sampling;

namespace Engine.Tests.Speculation;

/// <summary>
/// The reference decisions through the runner that serves requests: a model whose logits at each position are a row of
/// the table verifies the drafted tokens of the table.
/// </summary>
internal sealed class AcceptanceTests
{
    private const int Vocab = 8;
    private const int Width = 16;
    private const int NumSeqs = 64;
    private const int NumDraws = 3200;
    private const int NumPositions = 8;

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-acceptance").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void GreedyDraftsAreTakenUpToTheFirstThatIsNotTheBestToken()
    {
        int rows = 0;
        foreach (JsonElement row in SamplingData.Rows("spec_greedy"))
        {
            rows++;
            int[] best = SamplingData.Ints(row, "target_argmax");
            float[][] table =
                [.. best.Select(t => Enumerable.Range(0, Vocab).Select(i => i == t ? 0.7f : 0.1f).ToArray())];
            using LoadedModel model = Load(table);
            using IModelRunner runner = NewRunner(model);
            int[] found = Verify(runner, [0], SamplingData.Ints(row, "draft_tokens"), new() { Temperature = 0 })[0];
            Assert.That(found, Is.EqualTo(SamplingData.Ints(row, "output")), $"{row.GetProperty("id")}");
        }

        Assert.That(rows, Is.GreaterThanOrEqualTo(12));
    }

    /// <remarks>
    /// Drafts here are tokens without probabilities, of whatever kind the row is: accepted with the target's
    /// probability of the token, else replaced by what the target is without it. A row of a draft model says what its
    /// rejected drafts are replaced by; with what it accepts that is the target's distribution again.
    /// </remarks>
    [Test]
    public void DecisionsHaveTheDistributionOfRejectionSampling()
    {
        int rows = 0;
        foreach (JsonElement row in SamplingData.Rows("spec_decisions"))
        {
            rows++;
            float[][] target = Table(row.GetProperty("target"));
            int[] drafts = SamplingData.Ints(row, "draft_tokens"), taken = SamplingData.Ints(row, "accepted");
            double[] next = [.. row.GetProperty("next_token_distribution").EnumerateArray().Select(p => p.GetDouble())];
            bool all = row.GetProperty("all_accepted").GetBoolean();
            int at = Math.Min(taken.Length, drafts.Length - 1);
            float[]? draft = row.GetProperty("draft").ValueKind == JsonValueKind.Null
                ? null : Table(row.GetProperty("draft"))[at];
            using LoadedModel model = Load(target);
            using IModelRunner runner = NewRunner(model);
            int[][] found = Verify(
                runner, [0, .. drafts[..at]], drafts[at..], new() { Temperature = 1, Seed = 31 * rows });
            string name = $"{row.GetProperty("id")}, seed {31 * rows}";
            int drafted = drafts[at];
            Assert.That(found.Count(t => t.Length == 2), Is.EqualTo(found.Count(t => t[0] == drafted)), name);
            double[] first = Counts(found.Select(t => t[0]));
            if (all)
            {
                Like(first, target[at], name + ", the last draft");
                Like(Counts(found.Where(t => t.Length == 2).Select(t => t[1])), next, name + ", behind all drafts");
            }
            else if (draft is null)
            {
                Like(Counts(found.Where(t => t.Length == 1).Select(t => t[0])), next, name + ", in place of the draft");
                Like([first[drafted], NumDraws - first[drafted]],
                    [target[at][drafted], 1 - target[at][drafted]], name + ", accepted");
            }
            else
            {
                double kept = Enumerable.Range(0, Vocab).Sum(i => (double)Math.Min(target[at][i], draft[i]));
                Like(first, [.. next.Select((p, i) => Math.Min(target[at][i], draft[i]) + ((1 - kept) * p))], name);
            }
        }

        Assert.That(rows, Is.GreaterThanOrEqualTo(40));
    }

    /// <summary>What a step returns that verifies drafts: once if greedy, else for NumDraws seeds.</summary>
    private static int[][] Verify(IModelRunner runner, int[] prompt, int[] drafts, SamplingParams sampling)
    {
        List<int[]> outputs = [];
        int total = sampling.Temperature == 0 ? 1 : NumDraws;
        for (long seed = (sampling.Seed ?? 0) * NumDraws; outputs.Count < total;)
        {
            RunnerDriver driver = new(runner, NumSeqs, NumPositions);
            int count = Math.Min(NumSeqs, total - outputs.Count);
            for (int i = 0; i < count; i++, seed++)
            {
                SamplingParams one = sampling with { Seed = seed, MaxTokens = drafts.Length + 1, IgnoreEos = true };
                Sequence sequence = driver.Create(prompt, one);
                driver.AddDrafted(sequence, drafts);
            }

            Assert.That(driver.ExecuteOnly(), Is.EqualTo(EngineStatus.Ok), runner.LastError);
            // One draft is verified where outputs are counted, all of them where they are compared.
            for (int i = 0; i < count; i++)
            {
                int[] tokens = driver.Results.Tokens(i).ToArray();
                outputs.Add(total == 1 ? tokens : tokens[..Math.Min(tokens.Length, 2)]);
            }
        }

        return [.. outputs];
    }

    private static double[] Counts(IEnumerable<int> tokens)
    {
        double[] counts = new double[Vocab];
        foreach (int token in tokens) counts[token]++;
        return counts;
    }

    private static void Like(double[] counts, IReadOnlyList<float> expected, string what) =>
        Like(counts, [.. expected.Select(p => (double)p)], what);

    /// <summary>Chi-square at one in a million (Wilson and Hilferty); rare tokens are one bin.</summary>
    private static void Like(double[] counts, double[] expected, string what)
    {
        double draws = counts.Sum(), chi = 0, rareFound = 0, rareExpected = 0;
        int bins = 0;
        void Add(double found, double wanted)
        {
            chi += (found - wanted) * (found - wanted) / wanted;
            bins++;
        }

        for (int i = 0; i < counts.Length; i++)
        {
            double wanted = expected[i] * draws;
            if (wanted < 1e-6) Assert.That(counts[i], Is.Zero, $"{what}: token {i} has probability 0");
            if (wanted >= 5)
            {
                Add(counts[i], wanted);
                continue;
            }

            rareFound += counts[i];
            rareExpected += wanted;
        }

        if (rareExpected >= 5) Add(rareFound, rareExpected);
        double k = Math.Max(1, bins - 1);
        double bound = k * Math.Pow(1 - (2 / (9 * k)) + (4.9 * Math.Sqrt(2 / (9 * k))), 3);
        Assert.That(chi, Is.LessThan(bound), what);
    }

    private static float[][] Table(JsonElement rows) => [.. rows.EnumerateArray().Select(SamplingData.Floats)];

    private static IModelRunner NewRunner(LoadedModel model) => model.CreateRunner(
        new EngineOptions { MaxNumSeqs = NumSeqs, MaxNumBatchedTokens = 512, NumBlocks = NumSeqs });

    /// <summary>A GPT-2 that knows positions alone: its layer adds nothing, its head makes them logits.</summary>
    private LoadedModel Load(float[][] probabilities)
    {
        File.WriteAllText(Path.Combine(_folder, "config.json"), $$"""
            {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": {{Vocab}}, "n_embd": {{Width}},
             "n_layer": 1, "n_head": 1, "n_positions": {{NumPositions}}, "layer_norm_epsilon": 1e-5,
             "activation_function": "gelu_new", "tie_word_embeddings": false, "torch_dtype": "float32"}
            """);
        float[] positions = new float[NumPositions * Width], head = new float[Vocab * Width];
        for (int i = 0; i < NumPositions; i++) positions[(i * Width) + i] = 1;
        for (int i = 0; i < probabilities.Length; i++)
        {
            for (int t = 0; t < Vocab; t++) head[(t * Width) + i] = MathF.Log(MathF.Max(probabilities[i][t], 1e-30f));
        }

        // The norm of a one among zeros, undone.
        float scale = MathF.Sqrt((1f / Width) - (1f / (Width * Width)) + 1e-5f);
        List<TensorToWrite> tensors =
        [
            Tensor("wte.weight", [Vocab, Width]), Tensor("wpe.weight", [NumPositions, Width], positions),
            Tensor("h.0.ln_1.weight", [Width]), Tensor("h.0.ln_1.bias", [Width]),
            Tensor("h.0.ln_2.weight", [Width]), Tensor("h.0.ln_2.bias", [Width]),
            Tensor("h.0.attn.c_attn.weight", [Width, 3 * Width]), Tensor("h.0.attn.c_attn.bias", [3 * Width]),
            Tensor("h.0.attn.c_proj.weight", [Width, Width]), Tensor("h.0.attn.c_proj.bias", [Width]),
            Tensor("h.0.mlp.c_fc.weight", [Width, 4 * Width]), Tensor("h.0.mlp.c_fc.bias", [4 * Width]),
            Tensor("h.0.mlp.c_proj.weight", [4 * Width, Width]), Tensor("h.0.mlp.c_proj.bias", [Width]),
            Tensor("ln_f.weight", [Width], [.. Enumerable.Repeat(scale, Width)]),
            Tensor("ln_f.bias", [Width], [.. Enumerable.Repeat(1f / Width, Width)]),
            Tensor("lm_head.weight", [Vocab, Width], head),
        ];
        TensorsOnDisk.Write(_folder, tensors);
        return LoadedModel.Load(new ModelLoadOptions { Model = _folder, ActivationPrecision = "float" });
    }

    private static TensorToWrite Tensor(string name, long[] shape, float[]? values = null) => TensorsOnDisk.Tensor(
        name, DType.F32, shape, values ?? new float[shape.Aggregate(1L, (a, b) => a * b)]);
}
