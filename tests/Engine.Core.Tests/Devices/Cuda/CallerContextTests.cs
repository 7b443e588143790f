using Engine.Devices.Cuda;
using Engine.Hosting;
using Engine.Memory;
using Engine.Sampling;
using Engine.Tests.Golden;
using Engine.Tests.Hosting;

namespace Engine.Tests.Devices.Cuda;

/// <summary>A caller who uses the driver too, with a context of its own on another of the fake's GPUs.</summary>
[TestFixture]
internal sealed unsafe class CallerContextTests
{
    private FakeCuda _fake = null!;
    private CudaDriver _driver = null!;
    private nint _callers;

    [SetUp]
    public void MakeCurrent()
    {
        _fake = new FakeCuda(new FakeCudaOptions { Devices = 2 });
        _driver = CudaDriver.Load(FakeCuda.Path);
        nint context;
        Assert.That(_driver.Init(0), Is.EqualTo(CudaResult.Success));
        Assert.That(_driver.DevicePrimaryCtxRetain(&context, 1), Is.EqualTo(CudaResult.Success));
        _callers = context;
        _driver.CtxSetCurrent(_callers);
    }

    [TearDown]
    public void Forget()
    {
        _driver.CtxSetCurrent(0);
        _fake.Dispose();
    }

    [Test]
    public void Is_current_again_after_each_call_that_uses_a_gpu()
    {
        LoadedModel model = Load();
        Assert.That(Current(), Is.EqualTo(_callers), "loading");
        IDisposable runner = model.CreateRunner(Options());
        Assert.That(Current(), Is.EqualTo(_callers), "making a runner");
        runner.Dispose();
        Assert.That(Current(), Is.EqualTo(_callers), "disposing of the runner");
        EngineWorker worker = new(model, Options());
        Assert.That(Current(), Is.EqualTo(_callers), "starting a worker");
        CollectingSink sink = new();
        worker.Submit(
            new GenerationRequest
            {
                PromptTokenIds = [1, 2, 3],
                Sampling = new SamplingParams { MaxTokens = 4, IgnoreEos = true, Detokenize = false },
            },
            sink);
        Assert.That(sink.WaitForEnd().Tokens(), Has.Length.EqualTo(4));
        worker.Dispose();
        Assert.That(Current(), Is.EqualTo(_callers), "disposing of the worker");
        model.Dispose();
        Assert.That(Current(), Is.EqualTo(_callers), "disposing of the model");
    }

    [Test]
    public void May_be_changed_by_the_caller_between_our_calls()
    {
        using LoadedModel model = Load();
        _driver.CtxSetCurrent(0);
        model.CreateRunner(Options()).Dispose();
        Assert.That(Current(), Is.EqualTo((nint)0));
        _driver.CtxSetCurrent(_callers);
        model.CreateRunner(Options()).Dispose();
        Assert.That(Current(), Is.EqualTo(_callers));
    }

    [Test]
    public void Is_current_again_after_a_load_that_failed()
    {
        _fake.FailAllocation(0);
        Assert.Throws<EngineException>(() => Load());
        Assert.That(Current(), Is.EqualTo(_callers));
    }

    [Test]
    public void Is_left_alone_once_the_gpu_is_lost()
    {
        LoadedModel model = Load();
        _fake.FailLaunch(0);
        Assert.Throws<EngineException>(() => model.CreateRunner(Options()));
        model.Dispose();
        Assert.That(_fake.Counters.CallsAfterLost, Is.Zero);
    }

    private static LoadedModel Load() => LoadedModel.Load(new ModelLoadOptions
    {
        Model = Path.Combine(GoldenFolder.Committed, "llama-bf16"),
        Device = "cuda",
        Cuda = FakeCuda.DeviceOptions(DType.BF16),
    });

    private static EngineOptions Options() => new() { NumBlocks = 8, MaxNumSeqs = 2, MaxModelLen = 64 };

    private nint Current()
    {
        nint context;
        Assert.That(_driver.CtxGetCurrent(&context), Is.EqualTo(CudaResult.Success));
        return context;
    }
}
