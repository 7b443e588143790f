using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Commands;

/// <summary>convert, as a process.</summary>
[TestFixture]
public sealed class ConvertCommandTests
{
    [Test]
    public async Task AConvertedModelRuns()
    {
        string folder = Directory.CreateTempSubdirectory("engine-convert-").FullName;
        try
        {
            string output = Path.Combine(folder, "int4");
            (int code, string text, string error) = await EngineProcess.RunAsync(
                "", "convert", EngineProcess.DemoModelFolder, "--out", output, "--quantization", "int4");
            (int again, _, string refused) = await EngineProcess.RunAsync(
                "", "convert", EngineProcess.DemoModelFolder, "--out", output, "--quantization", "int4");
            (int ran, string tale, _) = await EngineProcess.RunAsync(
                "", "run", "Once upon a time", "--model", output, "--max-tokens", "8", "--temperature", "0");
            using (Assert.EnterMultipleScope())
            {
                Assert.That(code, Is.Zero, error);
                Assert.That(text, Does.Contain("28 matrices rounded"));
                Assert.That(error, Does.Contain("convert"));
                Assert.That(again, Is.EqualTo(1));
                Assert.That(refused, Does.Contain("--force"));
                Assert.That(ran, Is.Zero);
                Assert.That(tale, Is.Not.Empty);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
