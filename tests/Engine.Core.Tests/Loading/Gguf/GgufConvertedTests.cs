using Engine.Devices.Reference;
using Engine.Tests.Golden;

namespace Engine.Tests.Loading.Gguf;

/// <summary>Files that llama.cpp's own converter made of the reference models, against the models' goldens.</summary>
internal sealed class GgufConvertedTests
{
    private static IEnumerable<string> Files()
    {
        string? folder = Environment.GetEnvironmentVariable("ENGINE_GGUF_CONVERTED");
        return folder is null ? [] : Directory.GetFiles(folder, "*.gguf").Order(StringComparer.Ordinal);
    }

    [Explicit("Set ENGINE_GGUF_CONVERTED to a folder with NAME.gguf and ENGINE_MODEL_DATA to one with NAME/golden.json")]
    [TestCaseSource(nameof(Files))]
    public void AConvertedModelMeetsTheGoldenOfItsCheckpoint(string file)
    {
        string models = Environment.GetEnvironmentVariable("ENGINE_MODEL_DATA")!;
        string folder = Path.Combine(models, Path.GetFileNameWithoutExtension(file));
        using ReferenceDevice device = new();
        using SingleRun run = GgufRun.Open(file, device, 400);
        // Where both readings exist the engine's is the one that a KV cache allows.
        bool isFixed = File.Exists(Path.Combine(folder, "golden.fixed.json"));
        GoldenChecks.Check(run, folder, isFixed ? "golden.fixed" : "golden");
    }
}
