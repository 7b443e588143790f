namespace Engine.Tests;

/// <summary>Where the tests' files lie.</summary>
internal static class TestPaths
{
    /// <summary>The repository.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>tests/data.</summary>
    public static string Data { get; } = Path.Combine(Root, "tests", "data");

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Engine.sln")))
        {
            folder = folder.Parent;
        }
        return folder?.FullName ?? throw new InvalidOperationException("Engine.sln is not above the tests");
    }
}
