using System.CommandLine;
using System.Globalization;
using Engine.Conversion;
using Engine.Hosting;
using Engine.Server.Terminal;

namespace Engine.Server.Commands;

/// <summary>engine convert: rounds a model once and writes it as a folder.</summary>
internal sealed class ConvertCommand : Command
{
    private const double BytesPerGb = 1e9;

    private readonly Argument<string> _model = new("model")
    {
        Description = "Folder, .gguf file or name on the hub, with weights of floats.",
    };

    private readonly Option<string> _output = new("--out", "-o")
    {
        Description = "Folder to write.",
        Required = true,
    };

    private readonly Option<string> _quantization = new("--quantization")
    {
        Description = "What matrices become: int8 or int4 (in groups of 32), or fp8 (a scale per output).",
        Required = true,
    };

    private readonly Option<bool> _force = new("--force") { Description = "Replaces what is in the folder." };

    private readonly Option<double> _shardSize = new("--shard-size")
    {
        Description = "Size of a file of weights, in GB.",
        DefaultValueFactory = _ => 5,
    };

    private readonly Option<string?> _tokenizer = new("--tokenizer")
    {
        Description = "Folder of the tokenizer's files, if it is not the model's; needed with a .gguf file.",
    };

    private readonly Option<string?> _revision = new("--revision")
    {
        Description = "Branch, tag or commit on the hub.",
    };

    private readonly Option<string?> _downloadDir = new("--download-dir")
    {
        Description = "Where downloads are kept. Default: HF_HUB_CACHE, HF_HOME.",
    };

    public ConvertCommand()
        : base("convert", "Rounds a model's weights and writes them as a folder that Engine and vLLM load.")
    {
        _quantization.AcceptOnlyFromAmong("int8", "int4", "fp8");
        Arguments.Add(_model);
        Option[] options = [_output, _quantization, _force, _shardSize, _tokenizer, _revision, _downloadDir];
        Array.ForEach(options, Options.Add);
        SetAction(Run);
    }

    private int Run(ParseResult result)
    {
        using var interrupt = new Interrupt();
        using ProgressBar progress = ProgressBar.OnStandardError();
        double shardGb = result.GetValue(_shardSize);
        if (shardGb is not (> 0 and < 1e6))
        {
            throw EngineException.Invalid("shard-size", $"expected more than 0 GB, found {shardGb}");
        }

        string output = result.GetValue(_output)!;
        ConvertResult done = ModelConverter.Convert(
            new ModelLoadOptions
            {
                Model = result.GetValue(_model)!,
                Quantization = result.GetValue(_quantization)!,
                Tokenizer = result.GetValue(_tokenizer),
                Revision = result.GetValue(_revision),
                DownloadDir = result.GetValue(_downloadDir),
                Progress = progress,
            },
            new ConvertOptions
            {
                Output = output,
                Overwrite = result.GetValue(_force),
                ShardBytesMax = (long)(shardGb * BytesPerGb),
            },
            interrupt.Token);
        progress.Dispose();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{output}: {done.NumRounded} matrices rounded, {done.NumKept} tensors kept, {ByteText.Of(done.Bytes)} in ")
            + (done.NumFiles == 1 ? "1 file" : $"{done.NumFiles} files"));
        return 0;
    }
}
