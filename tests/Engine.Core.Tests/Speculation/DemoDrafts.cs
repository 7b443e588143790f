using Engine.Speculation;

namespace Engine.Tests.Speculation;

/// <summary>Configurations that name the demo model's drafts by a path from the repository's root.</summary>
internal static class DemoDrafts
{
    public static SpeculativeOptions Options(string config) => SpeculativeOptions.Parse(config.Replace(
        "demo-model", Path.Combine(TestPaths.Root, "demo-model"), StringComparison.Ordinal));
}
