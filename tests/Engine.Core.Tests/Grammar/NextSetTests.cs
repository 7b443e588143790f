using System.Text;
using System.Text.Json;
using Engine.Grammar;

namespace Engine.Tests.Grammar;

/// <summary>Exactly which bytes and tokens may come after a prefix.</summary>
[TestFixture]
public sealed class NextSetTests
{
    [Test]
    public void EveryReferenceSetIsExact()
    {
        using Stream stream = GrammarData.Open("next_tokens.json");
        string[] texts = [.. JsonDocument.Parse(stream).RootElement.EnumerateArray().Select(t => t.GetString()!)];
        var trie = new TokenTrie([.. texts.Select(Encoding.UTF8.GetBytes)]);
        int checkedRows = 0;
        GrammarData.CheckAll("next_sets", row =>
        {
            bool isSchema = row.TryGetProperty("schema", out JsonElement schema);
            if (isSchema && (row.GetProperty("whitespace").GetString() != "any"
                || schema.GetRawText().Contains("\"properties\"", StringComparison.Ordinal)))
            {
                // Other policies: no white space, no undeclared keys.
                return null;
            }

            checkedRows++;
            Network network = isSchema
                ? GrammarCompiler.JsonSchema(schema.GetRawText())
                : GrammarCompiler.Gbnf(row.GetProperty("grammar").GetString()!);
            return Difference(network, trie, row);
        });
        Assert.That(checkedRows, Is.GreaterThan(30));
    }

    [Test]
    public void AMaskHoldsExactlyTheTokensThatFitWhole()
    {
        string[] texts = ["a", "ab", "abc", "b", "ba", "", "c", "é"];
        var trie = new TokenTrie([.. texts.Select(Encoding.UTF8.GetBytes)]);
        Network network = GrammarCompiler.Regex("(ab)*c?");
        var mask = new uint[trie.MaskLength];
        trie.Fill(network, network.Start, mask);
        Assert.That(mask[0], Is.EqualTo(0b0100_0111u));
    }

    private static string? Difference(Network network, TokenTrie trie, JsonElement row)
    {
        PositionSet? at = network.Start;
        foreach (byte value in Convert.FromHexString(row.GetProperty("prefix_hex").GetString()!))
        {
            at = network.Step(at!, value);
            if (at is null)
            {
                return "the prefix does not fit";
            }
        }

        int[] bytes = [.. Enumerable.Range(0, 256).Where(value => network.Step(at, (byte)value) is not null)];
        int[] expected = [.. row.GetProperty("next_bytes").EnumerateArray().SelectMany(range =>
            Enumerable.Range(range[0].GetInt32(), range[1].GetInt32() - range[0].GetInt32() + 1))];
        if (!bytes.SequenceEqual(expected))
        {
            return $"bytes {string.Join(',', bytes.Except(expected))} too many, "
                + $"{string.Join(',', expected.Except(bytes))} missing";
        }

        var mask = new uint[trie.MaskLength];
        trie.Fill(network, at, mask);
        int[] tokens = [.. Enumerable.Range(0, trie.VocabSize).Where(id => (mask[id >> 5] >> (id & 31) & 1) != 0)];
        int[] wanted = [.. row.GetProperty("next_tokens").EnumerateArray().Select(id => id.GetInt32()).Order()];
        return !tokens.SequenceEqual(wanted) ? $"tokens {string.Join(',', tokens)}"
            : at.MayEnd != row.GetProperty("end_allowed").GetBoolean() ? $"end allowed: {at.MayEnd}"
            : null;
    }
}
