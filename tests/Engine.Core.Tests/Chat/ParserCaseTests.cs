using System.Text.Json;
using Engine.Chat;

namespace Engine.Tests.Chat;

/// <summary>Every reference output, by format, whole and cut up.</summary>
internal sealed class ParserCaseTests
{
    private static readonly Lazy<ILookup<string, ParserCase>> Cases = new(() => ParserCase.All()
        .ToLookup(item => $"{item.Options.ReasoningParser}+{item.Options.ToolParser}"));

    private static IEnumerable<string> Formats() => Cases.Value.Select(group => group.Key);

    [TestCaseSource(nameof(Formats))]
    public void AWholeOutputMeansWhatItShould(string format)
    {
        using (Assert.EnterMultipleScope())
        {
            foreach (ParserCase item in Cases.Value[format])
            {
                Check(ChatOutputParser.Parse(item.Text, item.Options), item);
            }
        }
    }

    [TestCaseSource(nameof(Formats))]
    public void AnOutputCutAfterEveryCharacterMeansTheSame(string format)
    {
        using (Assert.EnterMultipleScope())
        {
            foreach (ParserCase item in Cases.Value[format])
            {
                string whole = ParserCase.Show(ChatOutputParser.Parse(item.Text, item.Options));
                int count = item.Text.EnumerateRunes().Count();
                Assert.That(ParserCase.Show(item.Stream(Enumerable.Range(1, count))), Is.EqualTo(whole), item.Id);
            }
        }
    }

    [TestCaseSource(nameof(Formats))]
    public void AnOutputInPiecesMeansTheSame(string format)
    {
        using (Assert.EnterMultipleScope())
        {
            foreach (ParserCase item in Cases.Value[format])
            {
                string whole = ParserCase.Show(ChatOutputParser.Parse(item.Text, item.Options));
                foreach (int[] cuts in item.Cuts)
                {
                    Assert.That(ParserCase.Show(item.Stream(cuts)), Is.EqualTo(whole), item.Id);
                }
            }
        }
    }

    [Test]
    public void EveryToolAndReasoningFormatHasCases()
    {
        ParserCase[] all = [.. Cases.Value.SelectMany(group => group)];
        Assert.That(all, Has.Length.GreaterThanOrEqualTo(532));
        Assert.That(
            all.Select(item => item.Options.ToolParser).OfType<string>().Distinct().Order(),
            Is.EqualTo(ChatParsers.ToolParsers));
    }

    private static void Check(ChatOutput output, ParserCase item)
    {
        JsonElement[] calls = [.. item.Expect.GetProperty("tool_calls").EnumerateArray()];
        string content = item.Expect.GetProperty("content").GetString() ?? "";
        Assert.That(
            calls.Length > 0 ? output.Content.TrimEnd() : output.Content,
            Is.EqualTo(calls.Length > 0 ? content.TrimEnd() : content),
            item.Id);
        Assert.That(
            output.Reasoning, Is.EqualTo(item.Expect.GetProperty("reasoning").GetString() ?? ""), item.Id);
        Assert.That(
            output.ToolCalls.Select(call => call.Name),
            Is.EqualTo(calls.Select(call => call.GetProperty("name").GetString())),
            item.Id);
        foreach ((ChatToolCall found, JsonElement expected) in output.ToolCalls.Zip(calls))
        {
            if (expected.TryGetProperty("id", out JsonElement id))
            {
                Assert.That(found.Id, Is.EqualTo(id.GetString()), item.Id);
            }

            bool isWhole = expected.TryGetProperty("arguments", out JsonElement arguments);
            Assert.That(
                found.Arguments,
                isWhole
                    ? Is.EqualTo(arguments.GetString())
                    : Does.StartWith(expected.GetProperty("arguments_start").GetString()!),
                item.Id);
        }
    }
}
