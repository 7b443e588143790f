using System.Text.Json;
using Engine.Conversion;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Hosting;
using Engine.Loading;
using Engine.Tests.Golden;
using Engine.Tests.Loading.Gguf;

namespace Engine.Tests.Conversion;

/// <summary>Converted models against the same models rounded while they are loaded.</summary>
internal sealed class ModelConverterTests
{
    private static readonly string Demo = Path.Combine(TestPaths.Root, "demo-model", "model");
    private static readonly int[] Prompt = [5, 300, 17, 1200, 42, 9, 2000, 77, 300, 18];
    private string _folder = null!;

    private string Output => Path.Combine(_folder, "out");

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-convert-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase("int4", WeightQuantization.Int4)]
    [TestCase("int8", WeightQuantization.Int8)]
    [TestCase("fp8", WeightQuantization.Fp8)]
    public void LogitsAreThoseOfRoundingWhileLoading(string name, WeightQuantization kind)
    {
        ConvertResult result = Convert(name);
        using CpuDevice rounding = new(new CpuDeviceOptions { NumThreads = 2, Quantization = kind });
        using CpuDevice plain = new(new CpuDeviceOptions { NumThreads = 2 });
        using SingleRun expected = GgufRun.Open(Demo, rounding), found = GgufRun.Open(Output, plain);
        Assert.Multiple(() =>
        {
            Assert.That(found.Forward(Prompt, 0).Logits, Is.EqualTo(expected.Forward(Prompt, 0).Logits));
            Assert.That(found.Greedy(Prompt, 20), Is.EqualTo(expected.Greedy(Prompt, 20)));
            Assert.That(plain.AllocatedBytes, Is.EqualTo(rounding.AllocatedBytes), "held in the same form");
            Assert.That(result.NumRounded, Is.EqualTo(4 * 7));
            Assert.That(result.NumFiles, Is.EqualTo(1));
        });
    }

    [Test]
    public void SeveralFilesAreTheSameModel()
    {
        ConvertResult result = Convert("int8", shardBytes: 1_000_000);
        using CpuDevice rounding = new(new CpuDeviceOptions { NumThreads = 2, Quantization = WeightQuantization.Int8 });
        using CpuDevice plain = new(new CpuDeviceOptions { NumThreads = 2 });
        using SingleRun expected = GgufRun.Open(Demo, rounding), found = GgufRun.Open(Output, plain);
        Assert.Multiple(() =>
        {
            Assert.That(result.NumFiles, Is.GreaterThan(3));
            Assert.That(found.Forward(Prompt, 0).Logits, Is.EqualTo(expected.Forward(Prompt, 0).Logits));
        });
    }

    [Test]
    public void TheSameModelGivesTheSameBytes()
    {
        Convert("int4");
        byte[] first = File.ReadAllBytes(Path.Combine(Output, "model.safetensors"));
        Convert("int4", overwrite: true);
        Assert.That(
            File.ReadAllBytes(Path.Combine(Output, "model.safetensors")).AsSpan().SequenceEqual(first), Is.True);
    }

    [Test]
    public void EveryTensorIsAligned()
    {
        Convert("int4");
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Output, "model.safetensors"));
        foreach (SafetensorsTensor tensor in file.Tensors.Values)
        {
            Assert.That((long)tensor.Address % Memory.DTypes.SizeOf(tensor.Type), Is.Zero, tensor.Name);
        }
    }

    [Test]
    public void TheFolderLoadsAsAModelWithTokenizerAndTemplate()
    {
        Convert("int4");
        using LoadedModel model = LoadedModel.Load(new ModelLoadOptions { Model = Output });
        Assert.Multiple(() =>
        {
            Assert.That(model.Tokenizer, Is.Not.Null);
            Assert.That(model.ChatTemplate, Is.Not.Null);
            Assert.That(model.EosTokenIds, Is.EqualTo(new[] { 2, 0 }));
        });
    }

    [TestCase("int4", "pack-quantized", 4, "int", "group")]
    [TestCase("int8", "pack-quantized", 8, "int", "group")]
    [TestCase("fp8", "float-quantized", 8, "float", "channel")]
    public void TheConfigurationIsThatOfCompressedTensors(
        string kind, string format, int bits, string type, string strategy)
    {
        Convert(kind);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Output, "config.json")));
        JsonElement quantization = json.RootElement.GetProperty("quantization_config");
        JsonElement weights = quantization.GetProperty("config_groups").GetProperty("group_0").GetProperty("weights");
        Assert.Multiple(() =>
        {
            Assert.That(json.RootElement.GetProperty("model_type").GetString(), Is.EqualTo("llama"));
            Assert.That(quantization.GetProperty("quant_method").GetString(), Is.EqualTo("compressed-tensors"));
            Assert.That(quantization.GetProperty("format").GetString(), Is.EqualTo(format));
            Assert.That(quantization.GetProperty("ignore")[0].GetString(), Is.EqualTo("lm_head"));
            Assert.That(weights.GetProperty("num_bits").GetInt32(), Is.EqualTo(bits));
            Assert.That(weights.GetProperty("type").GetString(), Is.EqualTo(type));
            Assert.That(weights.GetProperty("strategy").GetString(), Is.EqualTo(strategy));
        });
    }

    [Test]
    public void AGgufModelIsConverted()
    {
        string file = Path.Combine(_folder, "tiny.gguf");
        File.WriteAllBytes(file, TinyGguf.Model());
        ModelConverter.Convert(
            new ModelLoadOptions { Model = file, Tokenizer = Demo, Quantization = "fp8" },
            new ConvertOptions { Output = Output });
        using CpuDevice rounding = new(new CpuDeviceOptions { NumThreads = 2, Quantization = WeightQuantization.Fp8 });
        using CpuDevice plain = new(new CpuDeviceOptions { NumThreads = 2 });
        using SingleRun expected = GgufRun.Open(file, rounding, 32), found = GgufRun.Open(Output, plain, 32);
        int[] prompt = [1, 5, 9, 30];
        Assert.Multiple(() =>
        {
            Assert.That(found.Forward(prompt, 0).Logits, Is.EqualTo(expected.Forward(prompt, 0).Logits));
            Assert.That(File.Exists(Path.Combine(Output, "tokenizer.json")), Is.True);
        });
    }

    [Test]
    public void InputsThatAreNoWholeGroupsAreRefused()
    {
        string file = Path.Combine(_folder, "tiny.gguf");
        File.WriteAllBytes(file, TinyGguf.Model());
        AssertError(
            EngineStatus.Unsupported, "has 16 inputs, which are no whole groups of 32",
            () => ModelConverter.Convert(
                new ModelLoadOptions { Model = file, Tokenizer = Demo, Quantization = "int4" },
                new ConvertOptions { Output = Output }));
    }

    [Test]
    public void AGgufModelNeedsATokenizerBesideIt()
    {
        string file = Path.Combine(_folder, "tiny.gguf");
        File.WriteAllBytes(file, TinyGguf.Model());
        AssertError(
            EngineStatus.InvalidArgument, "tokenizer: expected a folder with tokenizer files",
            () => ModelConverter.Convert(
                new ModelLoadOptions { Model = file, Quantization = "fp8" }, new ConvertOptions { Output = Output }));
    }

    [Test]
    public void TransposedMatricesAreRefused() => AssertError(
        EngineStatus.Unsupported, "is stored transposed (Conv1D)",
        () => Convert("fp8", model: Path.Combine(TestPaths.Root, "tests", "data", "models", "gpt2-bare")));

    [Test]
    public void AQuantizedModelIsRefused()
    {
        Convert("int4");
        AssertError(
            EngineStatus.Unsupported, "quantized already",
            () => ModelConverter.Convert(
                new ModelLoadOptions { Model = Output, Quantization = "int8" },
                new ConvertOptions { Output = Path.Combine(_folder, "twice") }));
    }

    [Test]
    public void WithoutAFormThereIsNothingToDo() => AssertError(
        EngineStatus.InvalidArgument, "expected int8, int4 or fp8 to convert to, found \"none\"",
        () => Convert("none"));

    [Test]
    public void AFolderWithFilesIsLeftAlone()
    {
        Directory.CreateDirectory(Output);
        File.WriteAllText(Path.Combine(Output, "notes.txt"), "mine");
        AssertError(EngineStatus.InvalidArgument, "expected an empty folder", () => Convert("int8"));
        Assert.That(Directory.GetFiles(Output), Has.Length.EqualTo(1));
    }

    [Test]
    public void OverwritingLeavesNoWeightsOfTheOldModel()
    {
        Convert("int8", shardBytes: 1_000_000);
        Convert("int8", overwrite: true);
        Assert.That(
            Directory.GetFiles(Output, "*.safetensors*").Select(Path.GetFileName),
            Is.EqualTo(new[] { "model.safetensors" }));
    }

    [Test]
    public void TheModelsOwnFolderIsNoPlaceForIt() => AssertError(
        EngineStatus.InvalidArgument, "expected another folder than the model's",
        () => ModelConverter.Convert(
            new ModelLoadOptions { Model = Demo, Quantization = "int8" },
            new ConvertOptions { Output = Demo, Overwrite = true }));

    [Test]
    public void AFolderThatCannotBeMadeIsNamed()
    {
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        AssertError(
            EngineStatus.Io, Path.Combine(file, "out"),
            () => ModelConverter.Convert(
                new ModelLoadOptions { Model = Demo, Quantization = "int8" },
                new ConvertOptions { Output = Path.Combine(file, "out") }));
    }

    [Test]
    public void AFullDiskIsNamedAndLeavesNoModel()
    {
        Assume.That(File.Exists("/dev/full"));
        Directory.CreateDirectory(Output);
        File.CreateSymbolicLink(Path.Combine(Output, "model.safetensors.partial"), "/dev/full");
        AssertError(EngineStatus.Io, "model.safetensors: cannot be written", () => Convert("int8", overwrite: true));
        Assert.That(Directory.GetFileSystemEntries(Output), Is.Empty);
    }

    [Test]
    public void ACancelledConversionLeavesNoModel()
    {
        using CancellationTokenSource stop = new();
        AssertError(
            EngineStatus.Cancelled, "cancelled",
            () => ModelConverter.Convert(
                new ModelLoadOptions { Model = Demo, Quantization = "int8", Progress = new Stopper(stop) },
                new ConvertOptions { Output = Output }, stop.Token));
        Assert.That(Directory.GetFileSystemEntries(Output), Is.Empty);
    }

    private ConvertResult Convert(
        string kind, bool overwrite = false, long shardBytes = 5_000_000_000, string? model = null) =>
        ModelConverter.Convert(
            new ModelLoadOptions { Model = model ?? Demo, Quantization = kind },
            new ConvertOptions { Output = Output, Overwrite = overwrite, ShardBytesMax = shardBytes });

    private static void AssertError(EngineStatus status, string message, TestDelegate action)
    {
        EngineException error = Assert.Throws<EngineException>(action)!;
        Assert.Multiple(() =>
        {
            Assert.That(error.Status, Is.EqualTo(status));
            Assert.That(error.Message, Does.Contain(message));
        });
    }

    private sealed class Stopper(CancellationTokenSource stop) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value)
        {
            if (value.DoneBytes > 0) stop.Cancel();
        }
    }
}
