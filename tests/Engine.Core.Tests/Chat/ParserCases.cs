using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Engine.Chat;

namespace Engine.Tests.Chat;

/// <summary>One output and what it means; read from the reference data.</summary>
internal sealed record ParserCase(string Id, ChatOutputOptions Options, string Text, JsonElement Expect, int[][] Cuts)
{
    public const string Variable = "ENGINE_PARSER_DATA";

    private static readonly Lazy<JsonElement> LazyTools = new(() =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(TestPaths.Data, "parsers", "tools.json"))).RootElement);

    public static JsonElement Tools => LazyTools.Value;

    /// <summary>The committed cases, and those of the folder that the variable names.</summary>
    public static IEnumerable<ParserCase> All()
    {
        using var packed = new GZipStream(
            File.OpenRead(Path.Combine(TestPaths.Data, "parsers", "cases.jsonl.gz")), CompressionMode.Decompress);
        foreach (ParserCase item in Read(packed))
        {
            yield return item;
        }

        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } folder)
        {
            using FileStream more = File.OpenRead(Path.Combine(folder, "cases.jsonl"));
            foreach (ParserCase item in Read(more))
            {
                yield return item;
            }
        }
    }

    /// <summary>Reads the text in pieces that end at the given code points.</summary>
    public ChatOutput Stream(IEnumerable<int> cuts)
    {
        Rune[] runes = [.. Text.EnumerateRunes()];
        var parser = new ChatOutputParser(Options);
        var output = new ChatOutput();
        int from = 0;
        foreach (int cut in cuts.Append(runes.Length))
        {
            output.Add(parser.Feed(string.Concat(runes[from..cut])));
            from = cut;
        }

        output.Add(parser.Finish());
        return output;
    }

    public static string Show(ChatOutput output) =>
        $"content {output.Content}\nreasoning {output.Reasoning}\n"
        + string.Join('\n', output.ToolCalls.Select(call => $"{call.Id} {call.Name} {call.Arguments}"));

    private static IEnumerable<ParserCase> Read(Stream stream)
    {
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement row = document.RootElement.Clone();
            yield return new ParserCase(
                row.GetProperty("id").GetString()!,
                new ChatOutputOptions
                {
                    ToolParser = row.GetProperty("tool_parser").GetString(),
                    ReasoningParser = row.GetProperty("reasoning_parser").GetString(),
                    Tools = Tools,
                },
                row.GetProperty("text").GetString()!,
                row.GetProperty("expect"),
                [.. row.GetProperty("cuts").EnumerateArray()
                    .Select(cuts => cuts.EnumerateArray().Select(cut => cut.GetInt32()).ToArray())]);
        }
    }
}
