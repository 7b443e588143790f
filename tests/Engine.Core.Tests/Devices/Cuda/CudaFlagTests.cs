using Engine.Devices.Cuda;
using Engine.Execution;
using Engine.Hosting;
using Engine.Memory;
using Engine.Scheduling;
using Engine.Tests.Golden;

namespace Engine.Tests.Devices.Cuda;

/// <summary>What flags say of a GPU, and what a machine that is not set up says.</summary>
[TestFixture]
internal sealed class CudaFlagTests
{
    private const long Mib = 1 << 20;

    [Test]
    public void Steps_are_padded_to_the_sizes_that_were_named_and_larger_ones_are_not_recorded()
    {
        StepGraphs graphs = new(null!, StepGraphs.Sizes([16, 2, 2, 5], 8));
        Assert.Multiple(() =>
        {
            Assert.That(
                Enumerable.Range(1, 7).Select(graphs.BucketOf), Is.EqualTo(new[] { 2, 2, 5, 5, 5, 6, 7 }));
            Assert.That(Enumerable.Range(1, 7).Count(graphs.Records), Is.EqualTo(5));
            Assert.That(StepGraphs.Sizes(null, null), Is.Null);
            Assert.That(StepGraphs.Sizes(null, 20), Is.EqualTo(new[] { 1, 2, 4, 8, 16 }));
            Assert.That(StepGraphs.Sizes(null, 0), Is.Empty);
        });
    }

    [TestCase(0, null)]
    [TestCase(-3, null)]
    [TestCase(1, -1)]
    public void Sizes_that_are_none_are_refused(int size, int? max) =>
        Assert.Throws<EngineException>(() => StepGraphs.Sizes([size], max));

    [TestCase(true, null, 0)]
    [TestCase(false, new[] { 1, 3 }, 1)]
    [TestCase(false, new[] { 900 }, 1)]
    [TestCase(false, new int[0], 0)]
    public void Recording_follows_the_flags_and_changes_no_token(bool isEager, int[]? sizes, int least)
    {
        using FakeCuda fake = new(new FakeCudaOptions { GuardsMemory = false });
        string expected, found;
        using (LoadedModel model = Load(isEager: true, runsAhead: false))
        {
            expected = CudaTinyModel.Text(model, 3, 8);
        }

        Assert.That(fake.Counters.GraphLaunches, Is.Zero);
        using (LoadedModel model = Load(isEager, sizes))
        {
            found = CudaTinyModel.Text(model, 3, 8);
        }

        Assert.That(found, Is.EqualTo(expected));
        Assert.That(fake.Counters.GraphLaunches, least == 0 ? Is.Zero : Is.Positive);
    }

    [Test]
    public void A_length_that_does_not_fit_is_refused_with_one_that_does_and_the_model_s_own_is_cut_to_it()
    {
        using FakeCuda fake = new(new FakeCudaOptions { MemoryBytes = 24 * Mib, GuardsMemory = false });
        using LoadedModel model = Load();
        EngineOptions options = new() { MaxNumSeqs = 2, MaxNumBatchedTokens = 32 };
        int fit, longest = model.Info.MaxModelLen;
        // What the device keeps from its first runner is there from now on.
        model.CreateRunner(options with { GpuMemoryUtilization = 0.9 }).Dispose();
        double tight = Enumerable.Range(1, 900).Select(i => i / 1000.0).First(u => Fits(u) is > 0);
        using (IModelRunner runner = model.CreateRunner(options with { GpuMemoryUtilization = tight }))
        {
            fit = runner.MaxModelLen;
            Assert.That(fit, Is.EqualTo(Math.Min(longest, runner.NumBlocks * runner.BlockSize)));
        }

        if (fit == longest) Assert.Ignore($"a block's memory holds {longest} tokens");
        EngineException e = Assert.Throws<EngineException>(() => model.CreateRunner(
            options with { GpuMemoryUtilization = tight, MaxModelLen = fit + 1 }))!;
        Assert.Multiple(() =>
        {
            Assert.That(e.Status, Is.EqualTo(EngineStatus.OutOfMemory));
            Assert.That(e.Parameter, Is.EqualTo("max_model_len"));
            Assert.That(e.Message, Does.Contain($"max_model_len to {fit}").And.Contain("gpu_memory_utilization to 0."));
        });
        model.CreateRunner(options with { GpuMemoryUtilization = tight, MaxModelLen = fit }).Dispose();

        int Fits(double utilization)
        {
            try
            {
                using IModelRunner runner = model.CreateRunner(options with { GpuMemoryUtilization = utilization });
                return runner.MaxModelLen;
            }
            catch (EngineException)
            {
                return 0;
            }
        }
    }

    [TestCase(CudaResult.SystemDriverMismatch, "different versions")]
    [TestCase(CudaResult.SystemNotReady, "fabricmanager")]
    [TestCase(CudaResult.StubLibrary, "stub")]
    [TestCase(CudaResult.Unknown, "nvidia_uvm")]
    [TestCase((CudaResult)806, "MPS")]
    public void A_machine_that_is_not_set_up_is_told_what_to_do(CudaResult code, string hint)
    {
        using FakeCuda fake = new();
        fake.FailCall("cuInit", 0, code, isFinal: false);
        EngineException e = Assert.Throws<EngineException>(() => fake.Open())!;
        Assert.That(e.Status, Is.EqualTo(EngineStatus.Unsupported));
        Assert.That(e.Message, Does.Contain("cuInit").And.Contain(hint));
        fake.Open().Dispose();
    }

    [Test]
    public void A_gpu_that_another_process_has_for_itself_is_not_called_lost()
    {
        using FakeCuda fake = new();
        fake.FailCall("cuDevicePrimaryCtxRetain", 0, CudaResult.DeviceUnavailable, isFinal: false);
        EngineException e = Assert.Throws<EngineException>(() => fake.Open())!;
        Assert.That(e.Status, Is.EqualTo(EngineStatus.Unsupported));
        Assert.That(e.Message, Does.Contain("compute mode"));
        fake.Open().Dispose();
    }

    [Test]
    public void What_is_final_for_one_user_of_a_gpu_is_so_for_all_and_for_those_who_come()
    {
        using FakeCuda fake = new();
        using CudaContext first = fake.Open(), second = fake.Open();
        fake.FailCall("cuStreamSynchronize", 0, CudaResult.EccUncorrectable, isFinal: true);
        EngineException lost = Assert.Throws<EngineException>(first.Synchronize)!;
        EngineException shared = Assert.Throws<EngineException>(second.Synchronize)!;
        EngineException late = Assert.Throws<EngineException>(() => fake.Open())!;
        first.Dispose();
        second.Dispose();
        EngineException later = Assert.Throws<EngineException>(() => fake.Open())!;
        Assert.That(
            new[] { shared.Message, late.Message, later.Message }, Is.All.EqualTo(lost.Message));
        Assert.That(fake.Counters.CallsAfterLost, Is.Zero);
    }

    private static LoadedModel Load(bool isEager = false, int[]? sizes = null, bool? runsAhead = null) =>
        LoadedModel.Load(new ModelLoadOptions
        {
            Model = Path.Combine(GoldenFolder.Committed, "llama-bf16"),
            Device = "cuda",
            Dtype = "bfloat16",
            EnforceEager = isEager,
            GraphSizes = sizes,
            AsyncScheduling = runsAhead,
            Cuda = FakeCuda.DeviceOptions(),
        });
}
