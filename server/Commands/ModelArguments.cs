using System.CommandLine;
using Engine.Hosting;

namespace Engine.Server.Commands;

/// <summary>Which model, and how to load it: the options that most commands share.</summary>
internal sealed class ModelArguments
{
    public Option<string?> Model { get; } = new("--model", "-m")
    {
        Description = "Folder in Hugging Face layout, .gguf file, or name on the hub. Default: the demo model.",
    };

    public Option<string?> Tokenizer { get; } = new("--tokenizer")
    {
        Description = "Folder or file of the tokenizer, if it is not the model's.",
    };

    public Option<string> Dtype { get; } = new("--dtype")
    {
        Description = "Type of the weights in memory.",
        DefaultValueFactory = _ => "auto",
    };

    public Option<string> Quantization { get; } = new("--quantization")
    {
        Description = "Rounds weights as they are loaded: none, int8 or int4 (in groups of 32), fp8 (a scale per output). "
            + "vLLM's name of what the checkpoint is (awq, gptq_marlin, compressed-tensors, gguf, ...) changes nothing.",
        DefaultValueFactory = _ => "none",
    };

    public Option<string> ActivationPrecision { get; } = new("--activation-precision")
    {
        Description = "Bits of activations that meet rounded weights: 8, 15 or float; auto: as the checkpoint says.",
        DefaultValueFactory = _ => "auto",
    };

    public Option<string> LoadFormat { get; } = new("--load-format")
    {
        Description = "dummy takes random weights: config.json is then enough.",
        DefaultValueFactory = _ => "auto",
    };

    public Option<string> Device { get; } = new("--device")
    {
        Description = "cpu, cuda or cuda:N (an NVIDIA GPU), or reference, the slow scalar one.",
        DefaultValueFactory = _ => "cpu",
    };

    public Option<int> Threads { get; } = new("--threads", "-t")
    {
        Description = "Worker threads; 0 is every CPU that the process may use.",
    };

    public Option<long?> MaxModelLen { get; } =
        Arguments.Number("--max-model-len", "Longest prompt plus output, in tokens. Default: the model's.");

    public Option<string?> HfOverrides { get; } = new("--hf-overrides")
    {
        Description = "JSON object whose members replace those of config.json.",
    };

    public Option<string?> Revision { get; } = new("--revision") { Description = "Branch, tag or commit on the hub." };

    public Option<string?> DownloadDir { get; } = new("--download-dir")
    {
        Description = "Where downloads are kept. Default: HF_HUB_CACHE, HF_HOME.",
    };

    public Option<string?> Cpus { get; } = new("--cpus")
    {
        Description = "CPUs to bind threads to: 0-7,16, or node:0 for one NUMA node. Default: the affinity mask, "
            + "bound only if the threads fill it.",
    };

    public Option<string> Numa { get; } = new("--numa")
    {
        Description = "local: memory lies where it is first touched; interleave: spread over all NUMA nodes.",
        DefaultValueFactory = _ => "local",
    };

    private readonly GpuArguments _gpu = new();

    public ModelArguments()
    {
        Numa.AcceptOnlyFromAmong("local", "interleave");
        Dtype.AcceptOnlyFromAmong("auto", "float32", "float", "bfloat16", "float16", "half");
        ActivationPrecision.AcceptOnlyFromAmong("auto", "8", "15", "float");
        LoadFormat.AcceptOnlyFromAmong("auto", "safetensors", "dummy", "hf", "gguf");
    }

    public void AddTo(Command command)
    {
        command.Options.Add(Model);
        command.Options.Add(Tokenizer);
        command.Options.Add(Dtype);
        command.Options.Add(Quantization);
        command.Options.Add(ActivationPrecision);
        command.Options.Add(LoadFormat);
        command.Options.Add(Device);
        command.Options.Add(Threads);
        command.Options.Add(Cpus);
        command.Options.Add(Numa);
        command.Options.Add(MaxModelLen);
        _gpu.AddTo(command);
        command.Options.Add(HfOverrides);
        command.Options.Add(Revision);
        command.Options.Add(DownloadDir);
    }

    /// <summary>The model that is named, or the demo model.</summary>
    public string ModelOf(ParseResult result, string? positional) =>
        positional ?? result.GetValue(Model) ?? DemoModel.Find();

    public ModelLoadOptions ToOptions(
        ParseResult result, string? positional, long seed, IProgress<LoadProgress>? progress,
        long? gpuMemoryBytes = null, string runner = "auto") => new()
        {
            Runner = runner,
            Model = ModelOf(result, positional),
            Tokenizer = result.GetValue(Tokenizer),
            Dtype = result.GetValue(Dtype)! switch { "float" => "float32", "half" => "float16", var other => other },
            Quantization = result.GetValue(Quantization)!,
            ActivationPrecision = result.GetValue(ActivationPrecision)!,
            LoadFormat = result.GetValue(LoadFormat)! switch { "hf" => "auto", var other => other },
            Device = result.GetValue(Device)! is "auto" ? "cpu" : result.GetValue(Device)!,
            NumThreads = result.GetValue(Threads),
            Cpus = result.GetValue(Cpus),
            Numa = result.GetValue(Numa)!,
            MaxModelLen = Arguments.ToInt(result.GetValue(MaxModelLen), "max-model-len"),
            HfOverrides = result.GetValue(HfOverrides),
            Revision = result.GetValue(Revision),
            DownloadDir = result.GetValue(DownloadDir),
            Seed = seed,
            GpuMemoryBytes = gpuMemoryBytes,
            EnforceEager = _gpu.EnforceEager.ValueOf(result, false),
            AsyncScheduling = _gpu.RunsAhead(result),
            GraphSizes = _gpu.Sizes(result),
            MaxGraphSize = result.GetValue(_gpu.MaxSize),
            Progress = progress,
        };
}
