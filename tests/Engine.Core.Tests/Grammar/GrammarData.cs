using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Engine.Grammar;

namespace Engine.Tests.Grammar;

/// <summary>
/// The reference rows in tests/data/grammar. ENGINE_GRAMMAR_DATA names a folder of other rows of the same
/// form, not compressed.
/// </summary>
internal static class GrammarData
{
    private static readonly string? Override = Environment.GetEnvironmentVariable("ENGINE_GRAMMAR_DATA");

    public static IEnumerable<JsonElement> Rows(string name)
    {
        using Stream stream = Open(name + ".jsonl");
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            yield return JsonDocument.Parse(line).RootElement;
        }
    }

    public static Stream Open(string name) => Override is not null
        ? File.OpenRead(Path.Combine(Override, name))
        : new GZipStream(
            File.OpenRead(Path.Combine(TestPaths.Data, "grammar", name + ".gz")), CompressionMode.Decompress);

    public static IEnumerable<string> Strings(JsonElement row, string name) =>
        row.GetProperty(name).EnumerateArray().Select(item => item.GetString()!);

    public static bool Matches(Network network, string text)
    {
        PositionSet? at = network.Start;
        foreach (byte value in Encoding.UTF8.GetBytes(text))
        {
            at = network.Step(at, value);
            if (at is null)
            {
                return false;
            }
        }

        return at.MayEnd;
    }

    public static string? Verdict(Network network, JsonElement row)
    {
        foreach (string text in Strings(row, "accept"))
        {
            if (!Matches(network, text))
            {
                return $"refuses \"{text}\"";
            }
        }

        foreach (string text in Strings(row, "reject"))
        {
            if (Matches(network, text))
            {
                return $"accepts \"{text}\"";
            }
        }

        return null;
    }

    /// <summary>Runs a check on every row and reports all that fail.</summary>
    public static void CheckAll(string name, Func<JsonElement, string?> check)
    {
        int rows = 0;
        var failures = new List<string>();
        foreach (JsonElement row in Rows(name))
        {
            rows++;
            string? failure;
            try
            {
                failure = check(row);
            }
            catch (EngineException e)
            {
                failure = e.Message;
            }

            if (failure is not null)
            {
                failures.Add($"{row.GetProperty("id")}: {failure}");
            }
        }

        Assert.That(rows, Is.GreaterThan(0));
        Assert.That(failures, Is.Empty, $"{failures.Count} of {rows} rows");
    }

    public static string? Refusal(Action compile, string field)
    {
        try
        {
            compile();
            return "was accepted";
        }
        catch (EngineException e)
        {
            return e.Status == EngineStatus.InvalidArgument && e.Parameter == field ? null : e.ToString();
        }
    }
}
