using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Engine.Grammar;

namespace Engine.Tests.Grammar;

/// <summary>Random schemas against a validator that goes keyword by keyword, both ways.</summary>
[TestFixture]
public sealed class SchemaFuzzTests
{
    private static readonly int NumSchemas =
        int.TryParse(Environment.GetEnvironmentVariable("ENGINE_GRAMMAR_SCHEMAS"), out int count) ? count : 250;

    private static int Seed => int.TryParse(Environment.GetEnvironmentVariable("ENGINE_GRAMMAR_SEED"), out int seed)
        ? seed
        : 7;

    [Test]
    public void AValueIsProducibleExactlyIfItIsValid()
    {
        TestContext.Out.WriteLine($"ENGINE_GRAMMAR_SEED={Seed}");
        var random = new RandomSchemas(Seed);
        int compiled = 0;
        var failures = new List<string>();
        for (int i = 0; i < NumSchemas; i++)
        {
            JsonNode schema = JsonNode.Parse(random.Schema(2).ToJsonString())!;
            Network? network = TryCompile(schema, out string reason);
            compiled += network is null ? 0 : 1;
            for (int v = 0; v < 12; v++)
            {
                JsonNode? value = JsonNode.Parse(Text(random.Value(2)));
                bool valid = ReferenceValidator.IsValid(schema, value);
                bool producible = network is not null
                    && Spellings(value).Any(text => GrammarData.Matches(network, text));
                bool wrong = network is null
                    ? valid && reason.Contains(NetworkBuilder.NoText, StringComparison.Ordinal)
                    : valid != producible;
                if (wrong)
                {
                    failures.Add($"valid {valid}: {Text(value)} of {schema.ToJsonString()}");
                }
            }
        }

        Assert.That(failures, Is.Empty, $"{failures.Count} of {12 * NumSchemas}");
        Assert.That(compiled, Is.GreaterThan(NumSchemas * 2 / 3));
    }

    [Test]
    public void WhatMasksLeadToIsValid()
    {
        TestContext.Out.WriteLine($"ENGINE_GRAMMAR_SEED={Seed}");
        var schemas = new RandomSchemas(Seed + 1);
        var random = new Random(Seed);
        string[] tokens = [.. "{}[]\",:0123456789.-abcefnlrstu ".Select(c => c.ToString()),
            "{\"", "\":", ",\"", "true", "null", "ab", "\"a\":", "[1,", "}]"];
        var trie = new TokenTrie([.. tokens.Select(Encoding.UTF8.GetBytes)]);
        int finished = 0;
        for (int i = 0; i < NumSchemas / 2; i++)
        {
            JsonNode schema = JsonNode.Parse(schemas.Schema(2).ToJsonString())!;
            if (TryCompile(schema, out _) is not { } network)
            {
                continue;
            }

            string? text = Walk(new GrammarProgram(network, trie), tokens, random);
            if (text is not null && IsStrict(text, out JsonNode? value))
            {
                finished++;
                Assert.That(ReferenceValidator.IsValid(schema, value), Is.True, () => $"{text} of {schema.ToJsonString()}");
            }
        }

        Assert.That(finished, Is.GreaterThan(NumSchemas / 12));
    }

    /// <summary>Follows random allowed tokens until the text may end; null if it grows too long.</summary>
    private static string? Walk(GrammarProgram program, string[] tokens, Random random)
    {
        var text = new StringBuilder();
        PositionSet at = program.Start;
        for (int step = 0; step < 60; step++)
        {
            if (at.MayEnd && random.Next(2) == 0)
            {
                return text.ToString();
            }

            TokenMask mask = program.Mask(at);
            int[] fits = [.. Enumerable.Range(0, tokens.Length).Where(mask.Contains)];
            if (fits.Length == 0)
            {
                return at.MayEnd ? text.ToString() : null;
            }

            int token = fits[random.Next(fits.Length)];
            text.Append(tokens[token]);
            at = program.Advance(at, token)!;
        }

        return null;
    }

    /// <summary>Names repeated, and digits beyond decimal, are outside of what the reference judges.</summary>
    private static bool IsStrict(string text, out JsonNode? value)
    {
        value = null;
        try
        {
            value = JsonNode.Parse(text);
            using JsonDocument document = JsonDocument.Parse(text);
            return IsStrict(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            return e is JsonException ? throw new AssertionException($"not JSON: {text}") : false;
        }
    }

    private static bool IsStrict(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().Select(item => item.Name).Distinct().Count()
            == value.EnumerateObject().Count() && value.EnumerateObject().All(item => IsStrict(item.Value)),
        JsonValueKind.Array => value.EnumerateArray().All(IsStrict),
        JsonValueKind.Number => value.GetRawText().Length < 12
            && !value.GetRawText().Contains('e', StringComparison.Ordinal),
        _ => true,
    };

    private static Network? TryCompile(JsonNode schema, out string reason)
    {
        try
        {
            reason = "";
            return GrammarCompiler.JsonSchema(schema.ToJsonString());
        }
        catch (EngineException e)
        {
            reason = e.Message;
            return null;
        }
    }

    /// <summary>A value's texts, with the members of objects in every order.</summary>
    private static IEnumerable<string> Spellings(JsonNode? value) => value switch
    {
        JsonObject members => Orders([.. members]).SelectMany(order => order
            .Aggregate<KeyValuePair<string, JsonNode?>, IEnumerable<string>>([""], (texts, item) => texts.SelectMany(
                text => Spellings(item.Value).Select(part =>
                    (text.Length == 0 ? "" : text + ",") + JsonSerializer.Serialize(item.Key) + ":" + part)))
            .Select(text => "{" + text + "}")),
        JsonArray items => items
            .Aggregate<JsonNode?, IEnumerable<string>>([""], (texts, item) => texts.SelectMany(
                text => Spellings(item).Select(part => (text.Length == 0 ? "" : text + ",") + part)))
            .Select(text => "[" + text + "]"),
        _ => [Text(value)],
    };

    private static IEnumerable<T[]> Orders<T>(T[] items) => items.Length == 0
        ? [[]]
        : items.SelectMany((item, i) => Orders([.. items[..i], .. items[(i + 1)..]])
            .Select(rest => (T[])[item, .. rest]));

    private static string Text(JsonNode? value) => value is null ? "null" : value.ToJsonString();
}
