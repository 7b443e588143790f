using System.Text;
using System.Text.Json;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Tokenization;

namespace Engine.Tests.Sampling;

/// <summary>Where outputs end and what text is released after every token.</summary>
[TestFixture]
public sealed class StopCheckerTests
{
    [Test]
    public void EveryReferenceRowEndsAndReleasesAsItShould()
    {
        int rows = 0;
        var failures = new List<string>();
        foreach (JsonElement row in SamplingData.Rows("stop"))
        {
            rows++;
            if (Difference(row) is { } difference)
            {
                failures.Add($"{row.GetProperty("id")} {row.GetProperty("name")}: {difference}");
            }
        }

        Assert.That(rows, Is.GreaterThan(0));
        Assert.That(failures, Is.Empty, $"{failures.Count} of {rows} rows");
    }

    [Test]
    public void AStopStringIsFoundWhereverTheTextIsCut()
    {
        const string text = "one two\nHuman: three";
        for (int first = 0; first <= text.Length; first++)
        {
            for (int second = first; second <= text.Length; second++)
            {
                var matcher = new StopMatcher(new StopStrings(["\nHuman:", "zz"]), include: false);
                var released = new StringBuilder();
                foreach (string part in new[] { text[..first], text[first..second], text[second..] })
                {
                    if (matcher.Found is null)
                    {
                        released.Append(matcher.Append(part, mayStop: true, isLast: false));
                    }
                }

                Assert.That(released.ToString(), Is.EqualTo("one two"), $"cut at {first} and {second}");
            }
        }
    }

    [Test]
    public void TextWithoutTheBeginningOfAStopStringIsReleasedAtOnce()
    {
        var matcher = new StopMatcher(new StopStrings(["<end of a long story>"]), include: false);
        Assert.That(matcher.Append("no end in sight", mayStop: true, isLast: false),
            Is.EqualTo("no end in sight"));
    }

    [Test]
    public void CancellingReleasesWhatWasHeldBack()
    {
        var checker = new StopChecker(
            new SamplingParams { Stop = ["STOP"] }, new StopStrings(["STOP"]), [], 10,
            new Bytes([(1, Encoding.UTF8.GetBytes("a ST"), false)], skipSpecial: true));
        Assert.That(checker.Append(0).Text, Is.EqualTo("a "));
        Assert.That(checker.Flush(), Is.EqualTo("ST"));
    }

    private static string? Difference(JsonElement row)
    {
        JsonElement expect = row.GetProperty("expect");
        (int Id, byte[] Bytes, bool Special)[] tokens = [.. row.GetProperty("tokens").EnumerateArray().Select(t =>
            (t[0].GetInt32(), Convert.FromHexString(t[1].GetString()!), t[2].GetInt32() != 0))];
        int eos = -1;
        SamplingParams p = new() { MaxTokens = null };
        foreach (JsonProperty item in row.GetProperty("params").EnumerateObject())
        {
            if (item.Name == "eos_token_id")
            {
                eos = item.Value.GetInt32();
            }
            else
            {
                p = SamplingSchema.Set(p, item.Name, ParamValue.From(item.Value));
            }
        }

        // The detokenizer is told which token of the row it sees, since ids repeat with other bytes.
        var checker = new StopChecker(
            p, new StopStrings(p.Stop), [eos], p.MaxTokens ?? int.MaxValue,
            new Bytes(tokens, p.SkipSpecialTokens));
        var text = new StringBuilder();
        string atMost = "";
        int used = 0;
        StopResult last = default;
        foreach (JsonElement chunk in expect.GetProperty("released_minimal").EnumerateArray())
        {
            last = checker.Append(tokens[used++].Id);
            text.Append(last.Text);
            atMost += chunk.GetString();
            if (text.Length > atMost.Length)
            {
                return $"released \"{text}\" after token {used}, at most \"{atMost}\"";
            }

            if (last.FinishReason != FinishReason.None)
            {
                break;
            }
        }

        string? reason = last.FinishReason switch
        {
            FinishReason.Stop => "stop",
            FinishReason.Length => "length",
            _ => null,
        };
        if (used != expect.GetProperty("tokens_used").GetInt32()
            || reason != expect.GetProperty("finish_reason").GetString())
        {
            return $"{reason} after {used}";
        }

        JsonElement why = expect.GetProperty("stop_reason");
        object? wanted = why.ValueKind switch
        {
            JsonValueKind.Number => why.GetInt32(),
            JsonValueKind.String => why.GetString(),
            _ => null,
        };
        if (!Equals(wanted, last.StopReason))
        {
            return $"stop reason {last.StopReason} instead of {wanted}";
        }

        string full = expect.GetProperty("text").GetString()!;
        string ended = reason is null ? text + checker.Flush() : text.ToString();
        return ended == full ? null : $"\"{ended}\" instead of \"{full}\"";
    }

    /// <summary>Bytes arrive token by token; text leaves once it does not end in an unfinished character.</summary>
    private sealed class Bytes((int Id, byte[] Bytes, bool Special)[] tokens, bool skipSpecial)
        : IIncrementalDetokenizer
    {
        private readonly List<byte> _buffer = [];
        private int _next;

        public string Append(int id)
        {
            (int _, byte[] bytes, bool special) = tokens[_next++];
            if (special && skipSpecial)
            {
                return "";
            }

            _buffer.AddRange(bytes);
            string text = Encoding.UTF8.GetString([.. _buffer]);
            if (text.EndsWith('\uFFFD') || text.Length == 0)
            {
                return "";
            }

            _buffer.Clear();
            return text;
        }

        public string Flush() => "";
    }
}
