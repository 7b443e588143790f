using System.Diagnostics;
using System.Text.Json;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests;

/// <summary>What is to be run on a real GPU, run on the fake driver: eng/gpu_rehearsal.py in its short form.</summary>
[TestFixture]
public sealed class GpuRehearsalTests
{
    private static readonly string _kernels = Path.Combine(TestData.Root, "build", "kernels");
    private string _folder = null!;

    [SetUp]
    public void MakeFolder()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("the fake driver is built on Linux");
        _folder = Directory.CreateTempSubdirectory("engine-test-").FullName;
    }

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void EveryStageSucceedsOnTheFakeDriver()
    {
        (int built, string log) = Run("cmake", ["--build", _kernels, "--target", "cuda_driver_tests"], "");
        Assert.That(built, Is.Zero, log);
        (int failed, string output) = Rehearse(Path.Combine(_kernels, "libcuda_fake.so"), []);
        JsonElement[] records = Records();
        string[] bad = [.. records.Where(r => !r.GetProperty("ok").GetBoolean()).Select(Name)];
        Assert.That(bad, Is.SubsetOf(["nvidia-smi"]), output);
        Assert.That(failed, Is.EqualTo(bad.Length));
        Assert.That(records, Has.Length.GreaterThan(12));
        JsonElement decode = records.Single(r => Name(r) == "decode, batch 2").GetProperty("figures")[0];
        Assert.That(decode.GetProperty("value").GetDouble(), Is.Positive);
        string report = File.ReadAllText(Path.Combine(_folder, "report.md"));
        Assert.That(report, Does.Contain("decode, batch 2"));
        // What each switch changed, and that its tokens were the same.
        Assert.That(report, Does.Match(@"\| wgmma \| decode, batch 1 \| [0-9.]+ \| [0-9.]+ \| [0-9.]+ \| .* \| the same \|"));
    }

    [Test]
    public void AStageThatFailsIsWrittenDownAndNotTheLast()
    {
        (int failed, string output) = Rehearse("/nowhere/libcuda.so", ["--groups", "facts,kernels"]);
        JsonElement[] records = Records();
        string[] stages = ["nvidia-smi", "plan", "plan, cuBLASLt", "kernels kv"];
        Assert.That(records.Select(Name), Is.EqualTo(stages), output);
        Assert.That(failed, Is.GreaterThanOrEqualTo(2));
        Assert.That(records[1].GetProperty("tail").GetString(), Does.Contain("/nowhere/libcuda.so"));
    }

    [Test]
    public void StagesThatThereIsNoTimeForAreWrittenDownToo()
    {
        (int failed, _) = Rehearse("/nowhere/libcuda.so", ["--seconds", "0"]);
        JsonElement[] records = Records();
        Assert.That(records, Has.Length.EqualTo(failed).And.Length.GreaterThan(12));
        Assert.That(records[^1].GetProperty("verdict").GetString(), Does.Contain("time"));
    }

    private static string Name(JsonElement record) => record.GetProperty("stage").GetString()!;

    private JsonElement[] Records() =>
        [.. File.ReadLines(Path.Combine(_folder, "results.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];

    private (int Code, string Output) Rehearse(string driver, string[] arguments) => Run(
        "python3",
        [
            Path.Combine(TestData.Root, "eng", "gpu_rehearsal.py"), "run", "--short", "--out", _folder,
            "--engine", $"dotnet {Path.Combine(AppContext.BaseDirectory, "engine.dll")}", .. arguments,
        ],
        driver);

    private static (int Code, string Output) Run(string program, string[] arguments, string driver)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["ENGINE_CUDA_LIB"] = driver;
        start.Environment["ENGINE_CUDA_CACHE"] = "off";
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }
}
