using Engine.Devices.Cuda;
using Engine.Hosting;
using Engine.Memory;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Launches that begin before those in front of them have ended. The emulated machine ends a kernel that reads
/// too early what a launch in front of it writes, that writes too early, or that does not wait.</summary>
[TestFixture]
internal sealed class CudaDependentTests
{
    [TestCase(true, false)]
    [TestCase(false, false)]
    [TestCase(true, true)]
    public void An_engine_on_the_emulated_machine_gives_the_same_tokens_with_and_without(
        bool usesGraphs, bool usesWgmma)
    {
        Assert.That(Run(true), Is.EqualTo(Run(false)));

        string Run(bool launchesDependents)
        {
            using FakeCuda fake = new(new FakeCudaOptions { Emulates = true });
            CudaDeviceOptions options = Options(launchesDependents, usesGraphs) with { UsesWgmma = usesWgmma };
            string text;
            using (LoadedModel model = CudaTinyModel.Load(CudaTinyModel.Folder, options))
            {
                text = CudaTinyModel.Text(model, 3, 6);
            }

            Assert.That(fake.Counters.Dependents, launchesDependents ? Is.Positive : Is.Zero);
            if (usesGraphs) Assert.That(fake.Counters.GraphLaunches, Is.Positive);
            Assert.That(fake.Counters.Live, Is.Zero);
            return text;
        }
    }

    [Test]
    public void Every_kernel_of_a_decode_step_is_launched_so()
    {
        using FakeCuda fake = new();
        string folder = Path.Combine(TestPaths.Root, "demo-model", "model");
        using LoadedModel model = CudaTinyModel.Load(folder, Options(true, false));
        CudaTinyModel.Text(model, 3, 20);
        long others = FakeCuda.Runs("ekc_attention_tiled");
        Assert.That(fake.Counters.Launches - fake.Counters.Dependents, Is.EqualTo(others));
        Assert.That(others, Is.LessThan(fake.Counters.Launches / 20));
    }

    [TestCase(80, 12040, true)]
    [TestCase(89, 12040, true)]
    [TestCase(90, 12020, true)]
    [TestCase(90, 12040, false)]
    public void Other_gpus_and_drivers_and_those_that_were_not_asked_launch_in_turn(
        int capability, int driver, bool launchesDependents)
    {
        using FakeCuda fake = new(new FakeCudaOptions { Capability = capability, DriverVersion = driver });
        using LoadedModel model = CudaTinyModel.Load(CudaTinyModel.Folder, Options(launchesDependents, true));
        CudaTinyModel.Text(model, 1, 4);
        Assert.That(fake.Counters.Dependents, Is.Zero);
    }

    [Test]
    public void Code_that_never_waits_is_not_launched_so()
    {
        using FakeCuda fake = new();
        using CudaContext context = fake.Open();
        context.LaunchDependents();
        nint memory = context.AllocateDevice(64, "a test");
        using CudaModules modules = new(context, new TextImages("8.0", "sm_80"), new CubinCache(null));
        context.Launch(modules.Find("fake_fill"), ((long)memory, 7L, 4L), (1, 1, 1), 32);
        Assert.That(fake.Counters.Dependents, Is.Zero);
        using CudaModules wrong = new(context, new TextImages("8.0", "sm_90"), new CubinCache(null));
        Assert.That(
            () => context.Launch(wrong.Find("fake_fill"), ((long)memory, 7L, 4L), (1, 1, 1), 32),
            Throws.TypeOf<EngineException>());
        Assert.That(fake.Message, Does.Contain("never waits"));
        context.FreeDevice(memory);
    }

    private static CudaDeviceOptions Options(bool launchesDependents, bool usesGraphs) =>
        FakeCuda.DeviceOptions(DType.BF16, usesGraphs) with { LaunchesDependents = launchesDependents };
}
