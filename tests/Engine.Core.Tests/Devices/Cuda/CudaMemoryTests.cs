using Engine.Devices.Cuda;
using Engine.Hosting;
using Engine.Memory;
using Engine.Pooling;
using Engine.Scheduling;
using Engine.Tests.Golden;
using Engine.Tests.Hosting;

namespace Engine.Tests.Devices.Cuda;

/// <summary>How a GPU's memory is divided, and that nothing is left when it does not suffice.</summary>
[TestFixture]
internal sealed class CudaMemoryTests
{
    private const long Mib = 1 << 20;

    private static readonly string _folder = Path.Combine(GoldenFolder.Committed, "llama-bf16");

    private static readonly EngineOptions _small = new() { MaxNumSeqs = 4, MaxNumBatchedTokens = 64 };

    private static ModelLoadOptions Load(long? gpuMemory = null, CudaDeviceOptions? options = null) => new()
    {
        Model = _folder,
        Device = "cuda",
        GpuMemoryBytes = gpuMemory,
        Cuda = options ?? FakeCuda.DeviceOptions(),
    };

    [Test]
    public void A_plan_counts_what_wgmma_and_cublaslt_take()
    {
        MemoryPlan plain = MemoryPlan.Compute(Load(256 * Mib), _small);
        CudaDeviceOptions options = FakeCuda.DeviceOptions() with { UsesWgmma = true };
        MemoryPlan wgmma = MemoryPlan.Compute(Load(256 * Mib, options), _small);
        MemoryPlan both = MemoryPlan.Compute(
            Load(256 * Mib, options with { UsesCublasLt = true }), _small);
        Assert.That(wgmma.ActivationBytes - plain.ActivationBytes, Is.InRange(64 * Mib, 65 * Mib));
        Assert.That(both.ActivationBytes - wgmma.ActivationBytes, Is.EqualTo(32 * Mib));
    }

    [TestCase(0.9)]
    [TestCase(0.5)]
    public void Blocks_fill_the_share_of_the_memory_and_no_more(double utilization)
    {
        using FakeCuda fake = new(new FakeCudaOptions { MemoryBytes = 64 * Mib });
        EngineOptions options = Options(utilization);
        using LoadedModel model = LoadedModel.Load(Load());
        using IModelRunner runner = model.CreateRunner(options);
        long used = fake.Counters.DeviceBytes;
        Assert.That(used, Is.GreaterThan((long)(64 * Mib * (utilization - 0.1))));
        Assert.That(used, Is.LessThanOrEqualTo((long)(64 * Mib * utilization)));
    }

    [Test]
    public void What_another_process_holds_is_not_given_out_again()
    {
        using FakeCuda fake = new(new FakeCudaOptions { MemoryBytes = 64 * Mib });
        using LoadedModel model = LoadedModel.Load(Load());
        int whole;
        using (IModelRunner runner = model.CreateRunner(Options(0.9))) whole = runner.NumBlocks;
        fake.UseMore(16 * Mib);
        using IModelRunner less = model.CreateRunner(Options(0.9));
        Assert.That(less.NumBlocks, Is.InRange(whole / 2, whole * 3 / 4));
    }

    [TestCase(false, false)]
    [TestCase(true, false)]
    [TestCase(true, true)]
    public void A_plan_for_a_gpu_that_is_not_there_is_the_plan_of_one_that_is(bool usesWgmma, bool usesCublasLt)
    {
        CudaDeviceOptions options = FakeCuda.DeviceOptions() with
        {
            UsesWgmma = usesWgmma,
            UsesCublasLt = usesCublasLt,
            CublasLtPath = FakeCuda.Path,
        };
        MemoryPlan planned = MemoryPlan.Compute(Load(256 * Mib, options), _small);
        using FakeCuda fake = new(new FakeCudaOptions { MemoryBytes = 256 * Mib });
        MemoryPlan found = MemoryPlan.Compute(Load(options: options), _small);
        Assert.Multiple(() =>
        {
            Assert.That(found with { Device = planned.Device }, Is.EqualTo(planned));
            Assert.That(planned.DeviceBytes, Is.EqualTo(256 * Mib));
            Assert.That(found.Device, Does.StartWith("cuda:0 (Fake GPU 0"));
            Assert.That(fake.Counters.Live, Is.Zero);
        });
    }

    [TestCase("auto", false, 64)]
    [TestCase("fp8", false, 300)]
    [TestCase("auto", true, 64)]
    public void What_is_taken_is_what_was_planned(string kvCacheDtype, bool usesWgmma, int maxNumSeqs)
    {
        using FakeCuda fake = new(new FakeCudaOptions { MemoryBytes = 1024 * Mib });
        ModelLoadOptions load = Load(options: FakeCuda.DeviceOptions(DType.BF16) with { UsesWgmma = usesWgmma });
        EngineOptions options = new()
        {
            NumBlocks = 100,
            MaxNumSeqs = maxNumSeqs,
            MaxNumBatchedTokens = 512,
            KvCacheDtype = kvCacheDtype,
        };
        MemoryPlan plan = MemoryPlan.Compute(load, options);
        using LoadedModel model = LoadedModel.Load(load);
        using IModelRunner runner = model.CreateRunner(options);
        // The last chunks of small things need not be full.
        Assert.That(
            fake.Counters.DeviceBytes,
            Is.InRange(plan.TotalBytes, plan.TotalBytes + (2 * CudaArena.ChunkBytes)));
    }

    [TestCase("cpu", 1)]
    [TestCase("cuda", 0)]
    public void Memory_is_given_for_a_gpu_alone_and_is_positive(string device, long bytes)
    {
        ModelLoadOptions load = new() { Model = _folder, Device = device, GpuMemoryBytes = bytes };
        EngineException e = Assert.Throws<EngineException>(() => MemoryPlan.Compute(load, _small))!;
        Assert.That(e.Parameter, Is.EqualTo("gpu_memory"));
    }

    [TestCase(0)]
    [TestCase(1.5)]
    [TestCase(double.NaN)]
    public void A_share_that_is_none_is_refused(double utilization)
    {
        EngineException e = Assert.Throws<EngineException>(
            () => MemoryPlan.Compute(Load(64 * Mib), Options(utilization)))!;
        Assert.That(e.Parameter, Is.EqualTo("gpu_memory_utilization"));
    }

    [Test]
    public void A_gpu_too_small_for_the_weights_is_refused_before_anything_is_read()
    {
        using FakeCuda fake = new(new FakeCudaOptions { MemoryBytes = 100_000 });
        EngineException e = Assert.Throws<EngineException>(() => LoadedModel.Load(Load()))!;
        Assert.That(e.Status, Is.EqualTo(EngineStatus.OutOfMemory));
        Assert.That(fake.Counters.Live, Is.Zero);
    }

    [Test]
    public void Batches_of_texts_that_do_not_fit_the_gpu_are_refused_with_what_it_has()
    {
        using FakeCuda fake = new(new FakeCudaOptions { MemoryBytes = 256 * Mib });
        using PoolingModel model = PoolingModel.Load(new ModelLoadOptions
        {
            Model = Path.Combine(TestPaths.Data, "encoders", "qwen3-embed"),
            Device = "cuda",
            Cuda = FakeCuda.DeviceOptions(),
        });
        using (new PoolingWorker(model, new EngineOptions { MaxNumSeqs = 4 }))
        {
            Assert.That(fake.Counters.DeviceBytes, Is.Positive);
        }

        EngineException e = Assert.Throws<EngineException>(
            () => new PoolingWorker(model, new EngineOptions { MaxNumSeqs = 4, MaxNumBatchedTokens = 1 << 18 }))!;
        Assert.That(e.Status, Is.EqualTo(EngineStatus.OutOfMemory));
        Assert.That(e.Message, Does.Contain("Fake GPU").And.Contain("max_num_batched_tokens"));
    }

    [Test]
    public void A_gpu_too_small_for_one_block_is_refused_with_what_would_help()
    {
        using FakeCuda fake = new(new FakeCudaOptions { MemoryBytes = 64 * Mib });
        using LoadedModel model = LoadedModel.Load(Load());
        EngineException e = Assert.Throws<EngineException>(() => model.CreateRunner(Options(0.05)))!;
        Assert.That(e.Message, Does.Contain("gpu_memory_utilization"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void An_allocation_that_fails_anywhere_leaves_nothing_and_says_what_was_wanted(bool usesOptions)
    {
        ModelLoadOptions load = Load(options: FakeCuda.DeviceOptions() with
        {
            UsesWgmma = usesOptions,
            UsesCublasLt = usesOptions,
            CublasLtPath = FakeCuda.Path,
        });
        int failures = 0;
        for (int n = 0; ; n++)
        {
            using FakeCuda fake = new(new FakeCudaOptions { MemoryBytes = (usesOptions ? 256 : 64) * Mib });
            fake.FailAllocation(n);
            try
            {
                using LoadedModel model = LoadedModel.Load(load);
                using IModelRunner runner = model.CreateRunner(_small);
            }
            catch (EngineException e)
            {
                failures++;
                Assert.That(e.Status, Is.EqualTo(EngineStatus.OutOfMemory), $"allocation {n}: {e.Message}");
            }

            Assert.That(fake.Counters.Live, Is.Zero, $"allocation {n}");
            if (failures <= n) break;
        }

        Assert.That(failures, Is.GreaterThan(10));
    }

    private static EngineOptions Options(double utilization) => new()
    {
        MaxNumSeqs = 4,
        MaxNumBatchedTokens = 64,
        GpuMemoryUtilization = utilization,
    };
}
