using Engine.Devices.Reference;

namespace Engine.Tests.Golden;

/// <summary>Tiny models of every family against logits and greedy tokens of transformers.</summary>
[TestFixture]
internal sealed class GoldenTests
{
    [TestCaseSource(nameof(CommittedFolders))]
    public void Committed_folder_matches(string folder, string config, string golden)
    {
        using ReferenceDevice device = new();
        GoldenChecks.Check(Path.Combine(GoldenFolder.Committed, folder), config, golden, device);
    }

    [Explicit("Needs the whole reference data: set ENGINE_MODEL_DATA to its folder")]
    [TestCaseSource(nameof(ExternalFolders))]
    public void Every_folder_of_the_reference_data_matches(string folder, string config, string golden)
    {
        string root = Environment.GetEnvironmentVariable("ENGINE_MODEL_DATA")!;
        using ReferenceDevice device = new();
        GoldenChecks.Check(Path.Combine(root, folder), config, golden, device);
    }

    private static IEnumerable<TestCaseData> CommittedFolders() => Folders(GoldenFolder.Committed);

    private static IEnumerable<TestCaseData> ExternalFolders() =>
        Folders(Environment.GetEnvironmentVariable("ENGINE_MODEL_DATA"));

    private static IEnumerable<TestCaseData> Folders(string? root)
    {
        if (root is null) yield break;
        foreach (string path in Directory.GetDirectories(root).Order(StringComparer.Ordinal))
        {
            string folder = Path.GetFileName(path);
            foreach (string config in (string[])["config.json", "config.v5.json"])
            {
                if (!File.Exists(Path.Combine(path, config))) continue;
                // Where both readings exist the engine's is the one that a KV cache allows.
                bool isFixed = File.Exists(Path.Combine(path, "golden.fixed.json"));
                yield return new TestCaseData(folder, config, isFixed ? "golden.fixed" : "golden")
                    .SetArgDisplayNames(folder, config);
            }
        }
    }
}
