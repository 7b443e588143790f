namespace Engine.Abi.Tests;

/// <summary>Every door gives the golden transcript.</summary>
public sealed class ConformanceTests
{
    [TestCase("c")]
    [TestCase("cpp")]
    [TestCase("py")]
    [TestCase("go")]
    public void TheDoorGivesTheGoldenTranscript(string driver) => Run(driver);

    [Test]
    public void TheServerGivesTheGoldenTranscript()
    {
        if (!File.Exists(Path.Combine(Tree.Prefix, "bin/engine"))
            && Environment.GetEnvironmentVariable("ENGINE_COMMAND") is null)
        {
            Assert.Ignore("the installed tree has the library alone: no bin/engine");
        }

        Run("http");
    }

    [Test]
    public void ThereAreAtLeastSixtyCases()
    {
        int count = Directory.GetFiles(Path.Combine(Tree.Root, "conformance/cases"), "*.json")
            .Sum(file => File.ReadLines(file).Count(line => line.Contains("\"id\"", StringComparison.Ordinal)));
        Assert.That(count, Is.GreaterThanOrEqualTo(60));
    }

    private static void Run(string driver) => Tree.Run(
        $"python3 $ROOT/conformance/run.py $PREFIX --drivers {driver} --build {Tree.Scratch("conformance")}",
        timeoutSeconds: 240);
}
