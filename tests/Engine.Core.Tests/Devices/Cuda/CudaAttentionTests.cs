using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Hosting;
using Engine.Memory;
using Engine.Sampling;
using Engine.Tests.Golden;
using Engine.Tests.Hosting;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Which kernels attention takes on the fake GPU, and that the choice shows in no bit.</summary>
[TestFixture]
internal sealed class CudaAttentionTests
{
    private static readonly string _folder = Path.Combine(GoldenFolder.Committed, "llama-bf16");

    [TestCase("auto", 90, "ekc_attention_split_bulk_bf16_d64")]
    [TestCase("auto", 80, "ekc_attention_split_bf16_d64")]
    [TestCase("fp8", 90, "ekc_attention_split_bulk_e4m3_bf16_d64")]
    [TestCase("fp8", 80, "ekc_attention_split_e4m3_bf16_d64")]
    public void Decoding_takes_the_kernel_that_the_gpu_and_the_cache_allow(string kv, int capability, string kernel)
    {
        using FakeCuda fake = new(new FakeCudaOptions { Capability = capability });
        Run(kv);
        Assert.Multiple(() =>
        {
            Assert.That(FakeCuda.Runs(kernel), Is.GreaterThan(0));
            Assert.That(
                FakeCuda.Runs("ekc_attention_tiled") + FakeCuda.Runs("ekc_attention_split")
                    + FakeCuda.Runs("ekc_attention_combine"),
                Is.EqualTo(FakeCuda.Runs("ekc_attention")), "attention_any is for what has no other");
        });
    }

    [TestCase("auto")]
    [TestCase("fp8")]
    public void Bulk_copies_change_no_bit_on_the_emulated_machine(string kv)
    {
        string[] texts = [.. new[] { 80, 90 }.Select(capability =>
        {
            using FakeCuda fake = new(new FakeCudaOptions { Capability = capability, Emulates = true });
            return Run(kv);
        })];
        Assert.That(texts[1], Is.EqualTo(texts[0]));
    }

    [Test]
    public void A_gpu_of_little_shared_memory_takes_the_plain_kernel_for_wide_heads()
    {
        using FakeCuda fake = new(new FakeCudaOptions { Capability = 86, SharedBytesOptIn = 99 << 10 });
        using CudaDevice device = fake.Device(DType.BF16);
        using SingleRun run = SingleRun.Open(
            Path.Combine(GoldenFolder.Committed, "llama-bf16"), device, type: DType.BF16);
        Assert.That(() => run.Greedy([1, 2, 3], 3), Throws.Nothing);
    }

    [Test]
    public void An_8_bit_cache_gives_the_cpu_s_tokens()
    {
        using FakeCuda fake = new();
        string onGpu = Tokens(Load("cuda", "float32"), "fp8"), onCpu = Tokens(Load("cpu", "float32"), "fp8");
        Assert.That(onGpu, Is.EqualTo(onCpu));
    }

    [Test]
    public void Blocks_of_an_8_bit_cache_have_a_byte_for_an_element()
    {
        using FakeCuda fake = new();
        using CudaDevice device = fake.Device(DType.BF16);
        Assert.That(BlockBytes(DType.F8E4M3), Is.EqualTo(BlockBytes(DType.BF16) / 2));

        long BlockBytes(DType type) =>
            device.KvBlockBytes(new KvStorageShape { BlockSize = 16, Layers = [(2, 128)], Type = type });
    }

    private static LoadedModel Load(string device, string dtype) => LoadedModel.Load(new ModelLoadOptions
    {
        Model = _folder,
        Device = device,
        Dtype = dtype,
        Cuda = device == "cuda" ? FakeCuda.DeviceOptions(DType.BF16) : null,
    });

    private static string Run(string kv) => Tokens(Load("cuda", "bfloat16"), kv);

    private static string Tokens(LoadedModel loaded, string kv)
    {
        using LoadedModel model = loaded;
        using EngineWorker worker = new(model, new EngineOptions
        {
            NumBlocks = 40,
            MaxNumSeqs = 4,
            MaxNumBatchedTokens = 64,
            MaxModelLen = 300,
            KvCacheDtype = kv,
        });
        CollectingSink[] sinks = [.. Enumerable.Range(0, 2).Select(i => Start(worker, 30 + (8 * i)))];
        return string.Join('|', sinks.Select(sink =>
        {
            sink.WaitForEnd();
            return string.Join(' ', sink.Tokens());
        }));
    }

    private static CollectingSink Start(EngineWorker worker, int promptLength)
    {
        CollectingSink sink = new();
        worker.Submit(
            new GenerationRequest
            {
                PromptTokenIds = [.. Enumerable.Range(1, promptLength)],
                Sampling = new SamplingParams { Temperature = 0, MaxTokens = 6, IgnoreEos = true, Detokenize = false },
            },
            sink);
        return sink;
    }
}
