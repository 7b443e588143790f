using System.CommandLine;
using Engine.Sampling;
using Engine.Server.Commands;
using Engine.Server.Http;

namespace Engine.Server.Tests.Commands;

/// <summary>Flags of `vllm serve`: taken, taken at their neutral value, or refused by name with the reason.</summary>
internal sealed class VllmFlagsTests
{
    [TestCase("--disable-log-stats", "--uvicorn-log-level", "warning", "-O", "3", "--max-loras", "4")]
    [TestCase("-tp", "1", "--pipeline-parallel-size", "1", "-dp", "1", "--cpu-offload-gb", "0", "--nnodes", "1")]
    [TestCase("--scheduling-policy", "priority", "--model-impl", "auto", "--response-role", "assistant")]
    [TestCase("--enable_prefix_caching", "--max_model_len=2k", "--served_model_name", "a_b", "c")]
    [TestCase("--generation-config", "vllm", "--override-generation-config", "{\"temperature\":0.5}", "--task", "generate")]
    [TestCase("--guided-decoding-backend", "xgrammar", "--guided-decoding-disable-any-whitespace")]
    [TestCase("--default-chat-template-kwargs", "{}", "--disable-access-log-for-endpoints", "/health,/metrics")]
    public void AreTaken(params string[] flags) => Assert.That(
        CommandLineApp.CreateRoot().Parse(VllmFlags.Normalize(["serve", "fake:", .. flags])).Errors, Is.Empty);

    [TestCase("--tensor-parallel-size", "2")]
    [TestCase("-tp", "4", "--tensor-parallel-size")]
    [TestCase("--cpu-offload-gb", "8")]
    [TestCase("--response-role", "bot")]
    [TestCase("--enable-lora")]
    [TestCase("--lora-modules", "a=b")]
    [TestCase("--kv-transfer-config", "{}")]
    [TestCase("--rope-scaling", "{}")]
    [TestCase("--enable-log-outputs")]
    public void AreRefusedByName(params string[] flags)
    {
        var vllm = new VllmFlags();
        var command = new Command("serve");
        foreach (Option option in vllm.Options)
        {
            command.Options.Add(option);
        }

        string name = flags.Length == 3 ? flags[2] : flags[0];
        ParseResult result = command.Parse(flags[..Math.Min(flags.Length, 2)]);
        Assert.That(() => vllm.Check(result), Throws.InstanceOf<EngineException>()
            .With.Message.StartsWith(name + ": ").And.Property(nameof(EngineException.Status)).EqualTo(EngineStatus.Unsupported));
    }

    [Test]
    public void EveryNameIsOneOption()
    {
        Command serve = CommandLineApp.CreateRoot().Subcommands.Single(command => command.Name == "serve");
        string[] names = [.. serve.Options.SelectMany(option => option.Aliases.Append(option.Name))];
        Assert.That(names, Is.Unique);
    }

    [Test]
    public void SamplingDefaultsAreTheModelsThenTheOperators()
    {
        var ofModel = new SamplingParams { Temperature = 0.6f, TopK = 20 };
        Assert.That(Sampling(ofModel), Is.EqualTo(ofModel));
        Assert.That(Sampling(ofModel, "--generation-config", "vllm"), Is.EqualTo(new SamplingParams()));
        Assert.That(
            Sampling(ofModel, "--override-generation-config", "{\"temperature\":0.1}"),
            Is.EqualTo(ofModel with { Temperature = 0.1f }));
        Assert.That(
            () => Sampling(ofModel, "--override-generation-config", "{\"temperature\":-1}"),
            Throws.InstanceOf<EngineException>().With.Message.Contains("override-generation-config"));
    }

    [TestCase("{\"disable_any_whitespace\":true,\"backend\":\"xgrammar\",\"disable_fallback\":true}")]
    [TestCase("{\"disable_additional_properties\":true,\"reasoning_parser\":\"qwen3\"}")]
    public void TheStructuredOutputsConfigIsVllms(string json) =>
        Assert.That(() => StructuredOutputsConfig.Parse(json), Throws.Nothing);

    [TestCase("{\"backend\":\"mine\"}", "backend")]
    [TestCase("{\"disable_any_whitespace\":1}", "disable_any_whitespace")]
    [TestCase("{\"whitespace\":1}", "whitespace")]
    [TestCase("[]", "object")]
    public void AnotherStructuredOutputsConfigIsRefused(string json, string name) => Assert.That(
        () => StructuredOutputsConfig.Parse(json), Throws.InstanceOf<EngineException>().With.Message.Contains(name));

    private static SamplingParams Sampling(SamplingParams ofModel, params string[] flags)
    {
        var defaults = new DefaultsArguments();
        var command = new Command("serve");
        defaults.AddTo(command);
        return defaults.Sampling(command.Parse(flags), ofModel, 100);
    }
}
