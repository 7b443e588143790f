using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Engine.Server.Tests.Support;

/// <summary>Finds the repository's files from where this file was compiled.</summary>
internal static class TestData
{
    public static string Root { get; } = FindRoot();

    public static string OpenAi(string name) => Path.Combine(Root, "tests", "data", "openai", name);

    public static JsonElement Json(string path) => JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;

    public static JsonElement Schema(string name) => Json(OpenAi($"schemas/{name}.json"));

    public static IEnumerable<JsonElement> JsonLines(string path) =>
        File.ReadLines(path).Where(line => line.Length > 0)
            .Select(line => JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = 512 }).RootElement);

    private static string FindRoot([CallerFilePath] string here = "")
    {
        string? folder = Path.GetDirectoryName(here);
        while (folder is not null && !File.Exists(Path.Combine(folder, "Engine.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("Engine.sln was not found above " + here);
    }
}
