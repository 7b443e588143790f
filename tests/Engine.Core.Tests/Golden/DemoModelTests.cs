using System.Text.Json;
using Engine.Devices.Cpu;
using Engine.Hosting;
using Engine.Memory;

namespace Engine.Tests.Golden;

/// <summary>The trained demo model against greedy answers of transformers, tokens and text.</summary>
[TestFixture]
internal sealed class DemoModelTests
{
    private static readonly string _folder = Path.Combine(TestPaths.Root, "demo-model");

    // Many margins are tiny, since the text was drawn from a grammar: only clear choices are compared, with
    // the reference's tokens forced, so that every position counts.
    [TestCase(DType.F32, 0.05)]
    [TestCase(DType.BF16, 1.0)]
    public void Every_clear_choice_is_the_references(DType type, double marginMin)
    {
        using CpuDevice device = new();
        using SingleRun run = SingleRun.Open(Path.Combine(_folder, "model"), device, type: type);
        int compared = 0;
        foreach (JsonElement answer in Answers())
        {
            int[] prompt = Ints(answer, "prompt_token_ids"), tokens = Ints(answer, "token_ids");
            double[] margins = [.. answer.GetProperty("margins").EnumerateArray().Select(m => m.GetDouble())];
            (_, float[] logits) = run.Forward([.. prompt, .. tokens], 0);
            int vocab = logits.Length / (prompt.Length + tokens.Length);
            for (int i = 0; i < tokens.Length; i++)
            {
                if (margins[i] <= marginMin) continue;
                ReadOnlySpan<float> row = logits.AsSpan((prompt.Length + i - 1) * vocab, vocab);
                Assert.That(
                    IndexOfMax(row), Is.EqualTo(tokens[i]), $"{answer.GetProperty("prompt")} token {i}");
                compared++;
            }
        }
        Assert.That(compared, Is.GreaterThan(800));
    }

    [Test]
    public void Its_tokenizer_gives_the_references_ids_and_text()
    {
        using LoadedModel model = LoadedModel.Load(
            new ModelLoadOptions { Model = Path.Combine(_folder, "model") });
        Assert.Multiple(() =>
        {
            foreach (JsonElement answer in Answers())
            {
                string prompt = answer.GetProperty("prompt").GetString()!;
                Assert.That(model.Tokenizer!.Encode(prompt), Is.EqualTo(Ints(answer, "prompt_token_ids")));
                Assert.That(
                    model.Tokenizer.Decode(Ints(answer, "token_ids")),
                    Is.EqualTo(answer.GetProperty("text").GetString()));
            }
        });
    }

    [Test]
    public void Both_of_its_end_tokens_are_known()
    {
        using LoadedModel model = LoadedModel.Load(
            new ModelLoadOptions { Model = Path.Combine(_folder, "model") });
        Assert.That(model.EosTokenIds, Is.EqualTo(new[] { 2, 0 }));
    }

    [Test]
    public void Its_chat_template_is_found()
    {
        using LoadedModel model = LoadedModel.Load(
            new ModelLoadOptions { Model = Path.Combine(_folder, "model") });
        Assert.That(model.ChatTemplate, Is.Not.Null);
    }

    private static List<JsonElement> Answers()
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_folder, "reference.json")));
        return [.. json.RootElement.GetProperty("model").EnumerateArray().Select(e => e.Clone())];
    }

    private static int[] Ints(JsonElement e, string name) =>
        [.. e.GetProperty(name).EnumerateArray().Select(x => x.GetInt32())];

    private static int IndexOfMax(ReadOnlySpan<float> row)
    {
        int best = 0;
        for (int v = 1; v < row.Length; v++)
        {
            if (row[v] > row[best]) best = v;
        }
        return best;
    }
}
