using System.Text.Json;
using Engine.Sampling;
using Engine.Tests.Sampling;

namespace Engine.Tests.Speculation;

/// <summary>
/// The engine's rule on the reference chains: the draft draws with the random number that the model will draw with, and
/// counts as long as both drew the same.
/// </summary>
public sealed class DrawnTogetherTests
{
    private const int NumDraws = 6000;
    private const ulong Seed = 977;

    [Test]
    public void OutputsAreTheModelsOwnAndDistributedAsTheModelIs()
    {
        double together = 0;
        double rejection = 0;
        foreach (JsonElement row in SamplingData.Rows("spec_chains"))
        {
            var chain = new Chain(row);
            int vocab = chain.VocabSize;
            long[] counts = new long[vocab * vocab];
            long accepted = 0;
            for (int i = 0; i < NumDraws; i++)
            {
                ulong seed = Seed + (ulong)i;
                int numDrafts = chain.NumDrafts;
                int[] drafts = chain.Run(chain.Draft, seed, numDrafts);
                int[] expected = chain.Run(chain.Target, seed, numDrafts + 1);
                int same = 0;
                while (same < numDrafts && drafts[same] == expected[same])
                {
                    same++;
                }

                accepted += same;
                counts[(expected[0] * vocab) + expected[1]]++;
            }

            Assert.That(chain.ChiSquare(counts), Is.LessThan(chain.Bound), $"{row.GetProperty("id")}, seed {Seed}");
            together += accepted / (double)NumDraws;
            rejection += row.GetProperty("expected_accepted").GetDouble();
        }

        TestContext.Out.WriteLine($"accepted of all chains: {together:F2}; rejection sampling: {rejection:F2}");
        Assert.That(together, Is.GreaterThan(0.6 * rejection));
    }

    private sealed class Chain
    {
        private readonly Sampler _sampler;
        private readonly SamplingProgram _program;

        public Chain(JsonElement row)
        {
            VocabSize = row.GetProperty("vocab").GetInt32();
            NumDrafts = row.GetProperty("draft_tokens").GetInt32();
            Target = Table(row.GetProperty("target"));
            Draft = Table(row.GetProperty("draft"));
            _sampler = new Sampler(VocabSize);
            _program = SamplingProgram.Compile(new SamplingParams { Temperature = 1 }, null, VocabSize, []);
        }

        public int VocabSize { get; }

        public int NumDrafts { get; }

        public float[][] Target { get; }

        public float[][] Draft { get; }

        /// <summary>One in a million is above it (Wilson and Hilferty).</summary>
        public double Bound
        {
            get
            {
                double k = Math.Max(1, (VocabSize * VocabSize) - 1);
                return k * Math.Pow(1 - (2 / (9 * k)) + (4.9 * Math.Sqrt(2 / (9 * k))), 3);
            }
        }

        /// <summary>Tokens of a table alone: the row of the last token, the random number of the position.</summary>
        public int[] Run(float[][] table, ulong seed, int count)
        {
            var state = new SamplerState(_program, seed, 0, 64);
            var tokens = new List<int> { 0 };
            for (int i = 0; i < count; i++)
            {
                float[] row = table[i == 0 ? 0 : 1 + tokens[^1]];
                float[] logits = Array.ConvertAll(row, p => MathF.Log(p));
                EngineStatus status = _sampler.Guess(logits, state, tokens.ToArray(), 1, 0, out int token);
                Assert.That(status, Is.EqualTo(EngineStatus.Ok));
                tokens.Add(token);
            }

            return [.. tokens.Skip(1)];
        }

        public double ChiSquare(long[] counts)
        {
            double sum = 0;
            for (int a = 0; a < VocabSize; a++)
            {
                for (int b = 0; b < VocabSize; b++)
                {
                    double expected = (double)Target[0][a] * Target[1 + a][b] * NumDraws;
                    long count = counts[(a * VocabSize) + b];
                    if (expected == 0)
                    {
                        Assert.That(count, Is.Zero, "an output of probability 0 appeared");
                        continue;
                    }

                    // Rare pairs are left to the common ones: their own terms are no measure.
                    sum += expected >= 5 ? (count - expected) * (count - expected) / expected : 0;
                }
            }

            return sum;
        }

        private static float[][] Table(JsonElement rows) =>
            [.. rows.EnumerateArray().Select(SamplingData.Floats)];
    }
}
