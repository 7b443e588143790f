using System.Text.Json;
using System.Xml.Linq;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Commands;

/// <summary>run, chat, plan and bench, with the demo model.</summary>
[TestFixture]
public sealed class GenerateCommandTests
{
    [Test]
    public async Task RunContinuesAPromptWithTheDemoModel()
    {
        (int code, string output, string error) = await EngineProcess.RunAsync(
            "", "run", "--max-tokens", "20", "--temperature", "0", "Once upon a time");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.Zero, error);
            Assert.That(output, Does.StartWith("Once upon a time"));
            Assert.That(output.Trim(), Has.Length.GreaterThan("Once upon a time".Length + 10));
            Assert.That(error, Does.Contain("tokens/s").And.Contain("100 %"));
        }
    }

    [Test]
    public async Task RunGivesJson()
    {
        (int code, string output, string error) = await EngineProcess.RunAsync(
            "Once upon a time", "run", "-", "--max-tokens", "5", "--json", "--temperature", "0", "--ignore-eos");
        JsonElement answer = JsonDocument.Parse(output).RootElement;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.Zero);
            Assert.That(error, Is.Empty);
            Assert.That(answer.GetProperty("completion_tokens").GetInt32(), Is.EqualTo(5));
            Assert.That(answer.GetProperty("token_ids").GetArrayLength(), Is.EqualTo(5));
            Assert.That(answer.GetProperty("finish_reason").GetString(), Is.EqualTo("length"));
        }
    }

    [TestCase("--max-tokens", "0", "max_tokens")]
    [TestCase("--temperature", "-1", "temperature")]
    public async Task WhatIsOutOfRangeIsRefusedBeforeAModelIsLoaded(string option, string value, string named)
    {
        (int code, string output, string error) = await EngineProcess.RunAsync(
            "", "run", "--model", "/no/such/model", option, value, "Once");
        Assert.That((code, output), Is.EqualTo((1, "")));
        Assert.That(error, Does.StartWith("engine: " + named));
    }

    [Test]
    public async Task AModelInThePromptsPlaceIsNamedAsTheMistakeItIs()
    {
        string model = EngineProcess.DemoModelFolder;
        (int code, string output, string error) = await EngineProcess.RunAsync("", "run", model);
        Assert.That((code, output), Is.EqualTo((1, "")));
        Assert.That(error, Does.StartWith("engine: prompt").And.Contain("--model " + model));
    }

    [Test]
    public async Task ASeedRepeatsASample()
    {
        string[] arguments = ["run", "Once", "--max-tokens", "20", "--temperature", "1", "--seed", "11", "-q"];
        (_, string first, _) = await EngineProcess.RunAsync("", arguments);
        (_, string second, _) = await EngineProcess.RunAsync("", arguments);
        Assert.That(first, Is.EqualTo(second));
    }

    [Test]
    public async Task ChatAnswersEveryLine()
    {
        (int code, string output, string error) = await EngineProcess.RunAsync(
            "Hello\n/clear\nWho are you?\n/exit\n", "chat", "-q", "--max-tokens", "20", "--temperature", "0");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.Zero, error);
            Assert.That(output.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(2));
        }
    }

    [Test]
    public async Task PlanTellsTheMemory()
    {
        (int code, string output, _) = await EngineProcess.RunAsync(
            "", "plan", "--json", "--max-model-len", "1k", "--max-num-seqs", "4");
        JsonElement plan = JsonDocument.Parse(output).RootElement;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.Zero);
            Assert.That(plan.GetProperty("num_parameters").GetInt64(), Is.EqualTo(3_672_320));
            Assert.That(plan.GetProperty("max_model_len").GetInt32(), Is.EqualTo(1000));
            Assert.That(
                plan.GetProperty("total_bytes").GetInt64(),
                Is.EqualTo(plan.GetProperty("weight_bytes").GetInt64() + plan.GetProperty("kv_cache_bytes").GetInt64()
                    + plan.GetProperty("activation_bytes").GetInt64()));
        }
    }

    [Test]
    public async Task BenchMeasuresAndDraws()
    {
        string folder = Directory.CreateTempSubdirectory("engine-bench").FullName;
        try
        {
            string plot = Path.Combine(folder, "plot.svg");
            (int code, string output, string error) = await EngineProcess.RunAsync(
                "", "bench", "--json", "-p", "8", "-n", "4", "-b", "1,2", "-r", "1", "--plot", plot);
            Assert.That(code, Is.Zero, error);
            JsonElement report = JsonDocument.Parse(output).RootElement;
            using (Assert.EnterMultipleScope())
            {
                Assert.That(
                    report.GetProperty("results").EnumerateArray().Select(r => $"{r.GetProperty("test")} {r.GetProperty("batch")}"),
                    Is.EqualTo(new[] { "pp8 1", "tg4 1", "pp8 2", "tg4 2" }));
                Assert.That(report.GetProperty("peak").GetProperty("read_bytes_per_s").GetDouble(), Is.GreaterThan(1e8));
                Assert.That(
                    report.GetProperty("results").EnumerateArray().All(r => r.GetProperty("tokens_per_s").GetDouble() > 0));
                Assert.That(XDocument.Load(plot).Root!.Name.LocalName, Is.EqualTo("svg"));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public async Task BenchRunsAFolderWithoutWeights()
    {
        string folder = Directory.CreateTempSubdirectory("engine-dummy").FullName;
        try
        {
            File.Copy(Path.Combine(EngineProcess.DemoModelFolder, "config.json"), Path.Combine(folder, "config.json"));
            (int code, _, string error) = await EngineProcess.RunAsync(
                "", "bench", folder, "--load-format", "dummy", "--json", "-p", "4", "-n", "2", "-r", "1");
            Assert.That(code, Is.Zero, error);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
