using System.Text.Json;
using Engine.Loading;

namespace Engine.Tests.Golden;

/// <summary>One prompt with what the reference implementation made of it.</summary>
internal sealed record GoldenCase(
    string Name, int[] Prompt, int[] Greedy, (int Start, int End) StoredPositions, float[] Logits, float[] Hidden);

/// <summary>golden.json and golden.safetensors of a model folder.</summary>
internal static class GoldenFolder
{
    /// <summary>tests/data/models.</summary>
    public static string Committed => Path.Combine(TestPaths.Data, "models");

    public static List<GoldenCase> Read(string folder, string name)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, $"{name}.json")));
        using SafetensorsFile tensors = SafetensorsFile.Open(Path.Combine(folder, $"{name}.safetensors"));
        List<GoldenCase> cases = [];
        foreach (JsonElement c in json.RootElement.GetProperty("cases").EnumerateArray())
        {
            string caseName = c.GetProperty("name").GetString()!;
            int[] stored = Ints(c.GetProperty("positions_stored"));
            cases.Add(new GoldenCase(
                caseName, Ints(c.GetProperty("prompt_token_ids")), Ints(c.GetProperty("greedy_token_ids")),
                (stored[0], stored[1]), Vector(tensors, $"{caseName}.prompt_logits"),
                Vector(tensors, $"{caseName}.last_hidden")));
        }
        return cases;
    }

    private static float[] Vector(SafetensorsFile file, string name) =>
        file.Tensors.TryGetValue(name, out SafetensorsTensor? t) ? WeightSource.ReadVector(t) : [];

    private static int[] Ints(JsonElement e) => [.. e.EnumerateArray().Select(x => x.GetInt32())];
}
