using System.Reflection;

namespace Engine.Server;

/// <summary>The version that every door reports.</summary>
internal static class ProductVersion
{
    public static string Text { get; } = WithoutBuild(
        typeof(ProductVersion).Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion);

    private static string WithoutBuild(string? version) => version?.Split('+')[0] ?? "0.0.0";
}
