using System.CommandLine;
using System.Globalization;
using Engine.Hosting;
using Engine.Memory;
using Engine.Server.Terminal;

namespace Engine.Server.Commands;

/// <summary>engine plan: what a model will take, from its headers alone.</summary>
internal sealed class PlanCommand : Command
{
    private const int ExitDoesNotFit = 1;

    private readonly Argument<string?> _modelArgument = new("model")
    {
        Description = "Folder, .gguf file or name on the hub. Default: the demo model.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<bool> _json = new("--json") { Description = "One JSON object." };

    private readonly Option<long?> _gpuMemory = Server.Commands.Arguments.Number(
        "--gpu-memory", "With --device cuda: plans for a GPU of so much memory, which need not be there.");

    private readonly ModelArguments _model = new();
    private readonly EngineArguments _engine = new();

    public PlanCommand()
        : base("plan", "Tells the memory that a model will take; reads no weight.")
    {
        Arguments.Add(_modelArgument);
        Options.Add(_json);
        Options.Add(_gpuMemory);
        _model.AddTo(this);
        _engine.AddTo(this);
        SetAction(Run);
    }

    private int Run(ParseResult result)
    {
        using var interrupt = new Interrupt();
        ModelLoadOptions load = _model.ToOptions(
            result, result.GetValue(_modelArgument), result.GetValue(_engine.Seed), null, result.GetValue(_gpuMemory));
        MemoryPlan plan = MemoryPlan.Compute(load, _engine.ToOptions(result, load.MaxModelLen), interrupt.Token);
        Console.WriteLine(result.GetValue(_json) ? ToJson(plan) : ToText(plan));
        return plan.Fits ? 0 : ExitDoesNotFit;
    }

    private static string NameOf(DType type) => type switch
    {
        DType.BF16 => "bfloat16",
        DType.F16 => "float16",
        _ => "float32",
    };

    private static string ToText(MemoryPlan plan)
    {
        string kv = string.Create(
            CultureInfo.InvariantCulture, $"{plan.NumBlocks} blocks, {plan.NumKvTokens} tokens");
        (string Name, string Value)[] lines =
        [
            ("architecture", plan.Architecture),
            ("parameters", plan.NumParameters.ToString("N0", CultureInfo.InvariantCulture)),
            ("computes in", NameOf(plan.ComputeType)),
            ("max model len", plan.MaxModelLen.ToString(CultureInfo.InvariantCulture)),
            ("device", plan.Device),
            ("weights", ByteText.Of(plan.WeightBytes)),
            ("KV cache", $"{ByteText.Of(plan.KvCacheBytes)} ({kv})"),
            ("activations", ByteText.Of(plan.ActivationBytes)),
            ("total", ByteText.Of(plan.TotalBytes)),
            ("device has", ByteText.Of(plan.DeviceBytes)),
            ("free now", $"{ByteText.Of(plan.FreeBytes)}: {(plan.Fits ? "fits" : "does not fit")}"),
        ];
        return string.Join('\n', lines.Select(line => $"{line.Name,-14} {line.Value}"));
    }

    private static string ToJson(MemoryPlan plan) => JsonText.Write(json =>
    {
        json.WriteStartObject();
        json.WriteString("architecture", plan.Architecture);
        json.WriteNumber("num_parameters", plan.NumParameters);
        json.WriteString("dtype", NameOf(plan.ComputeType));
        json.WriteNumber("max_model_len", plan.MaxModelLen);
        json.WriteNumber("weight_bytes", plan.WeightBytes);
        json.WriteNumber("kv_cache_bytes", plan.KvCacheBytes);
        json.WriteNumber("num_blocks", plan.NumBlocks);
        json.WriteNumber("block_bytes", plan.BlockBytes);
        json.WriteNumber("num_kv_tokens", plan.NumKvTokens);
        json.WriteNumber("activation_bytes", plan.ActivationBytes);
        json.WriteNumber("total_bytes", plan.TotalBytes);
        json.WriteString("device", plan.Device);
        json.WriteNumber("device_bytes", plan.DeviceBytes);
        json.WriteNumber("free_bytes", plan.FreeBytes);
        json.WriteBoolean("fits", plan.Fits);
        json.WriteEndObject();
    });
}
