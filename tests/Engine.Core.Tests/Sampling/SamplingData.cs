using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text.Json;
using Engine.Sampling;
using Engine.Tests.Tidy;

namespace Engine.Tests.Sampling;

/// <summary>
/// The reference rows in tests/data/sampling. ENGINE_SAMPLING_DATA names a folder of other rows of the same
/// form, not compressed.
/// </summary>
internal static class SamplingData
{
    private static readonly string? Override = Environment.GetEnvironmentVariable("ENGINE_SAMPLING_DATA");

    private static readonly Lazy<Dictionary<string, float[]>> LogitsByName = new(ReadLogits);

    public static IEnumerable<JsonElement> Rows(string name)
    {
        using Stream stream = Open(name + ".jsonl");
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            yield return JsonDocument.Parse(line).RootElement;
        }
    }

    public static float[] Logits(string name) => (float[])LogitsByName.Value[name].Clone();

    public static int[] Ints(JsonElement row, string name) =>
        row.TryGetProperty(name, out JsonElement value) ? Ints(value) : [];

    public static int[] Ints(JsonElement list) =>
        [.. list.EnumerateArray().Select(item => item.GetInt32())];

    public static float[] Floats(JsonElement list) => [.. list.EnumerateArray().Select(Number)];

    public static float Number(JsonElement value) => value.ValueKind == JsonValueKind.Number
        ? value.GetSingle()
        : value.GetString() switch
        {
            "inf" => float.PositiveInfinity,
            "-inf" => float.NegativeInfinity,
            _ => float.NaN,
        };

    /// <summary>A row's "params": those of requests, and those that only the reference data has.</summary>
    public static SamplingProgram Program(JsonElement parameters, int vocabSize)
    {
        SamplingParams p = new();
        int[][] badWords = [];
        int[][] breakers = [];
        int[] eos = [];
        foreach (JsonProperty item in parameters.EnumerateObject())
        {
            JsonElement value = item.Value;
            switch (item.Name)
            {
                case "bad_words_token_ids":
                    badWords = [.. value.EnumerateArray().Select(Ints)];
                    break;
                case "dry_breaker_ids":
                    breakers = [.. value.EnumerateArray().Select(Ints)];
                    break;
                case "eos_token_id":
                    eos = [value.GetInt32()];
                    break;
                case "xtc_fires":
                    break;
                default:
                    p = SamplingSchema.Set(p, item.Name, ParamValue.From(value));
                    break;
            }
        }

        if (p.MinTokens > p.MaxTokens)
        {
            p = p with { MaxTokens = null };
        }

        p.Validate(vocabSize);
        return SamplingProgram.Compile(p, vocabSize, eos, badWords, breakers);
    }

    private static Stream Open(string name)
    {
        if (Override is not null)
        {
            return File.OpenRead(Path.Combine(Override, name));
        }

        string path = Path.Combine(SourceTree.Root, "tests", "data", "sampling", name + ".gz");
        return new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
    }

    private static Dictionary<string, float[]> ReadLogits()
    {
        var logits = new Dictionary<string, float[]>();
        using (Stream stream = Open("logits.json"))
        {
            foreach (JsonProperty item in JsonDocument.Parse(stream).RootElement.EnumerateObject())
            {
                logits[item.Name] = Floats(item.Value);
            }
        }

        using Stream big = Open("zipf32000.f32");
        using var bytes = new MemoryStream();
        big.CopyTo(bytes);
        logits["zipf32000"] = MemoryMarshal.Cast<byte, float>(bytes.ToArray()).ToArray();
        return logits;
    }
}
