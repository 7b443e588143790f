using Engine.Devices.Cuda;

namespace Engine.Tests.Devices.Cuda;

[TestFixture]
internal sealed class CudaContextTests
{
    [Test]
    public void A_machine_without_the_driver_is_told_what_was_looked_for()
    {
        EngineException e = Assert.Throws<EngineException>(() => CudaContext.Open(0, "/nowhere/libcuda.so.1"))!;
        Assert.Multiple(() =>
        {
            Assert.That(e.Status, Is.EqualTo(EngineStatus.Unsupported));
            Assert.That(e.Message, Does.Contain("/nowhere/libcuda.so.1").And.Contain(CudaDriver.LibraryVariable));
        });
    }

    [Test]
    public void A_library_that_is_no_driver_is_refused_with_the_name_of_what_it_lacks()
    {
        EngineException e = Assert.Throws<EngineException>(() => CudaContext.Open(0, "libc.so.6"))!;
        Assert.That(e.Message, Does.Contain("cuGetErrorName"));
    }

    [Test]
    public void A_driver_that_sees_no_gpu_is_told_apart()
    {
        using FakeCuda fake = new(new FakeCudaOptions { Devices = 0 });
        EngineException e = Assert.Throws<EngineException>(() => fake.Open())!;
        Assert.Multiple(() =>
        {
            Assert.That(e.Status, Is.EqualTo(EngineStatus.Unsupported));
            Assert.That(e.Message, Does.Contain("sees no GPU"));
        });
    }

    [Test]
    public void An_ordinal_that_is_not_there_is_refused_with_the_number_of_gpus()
    {
        using FakeCuda fake = new(new FakeCudaOptions { Devices = 2 });
        EngineException e = Assert.Throws<EngineException>(() => fake.Open(2))!;
        Assert.Multiple(() =>
        {
            Assert.That(e.Status, Is.EqualTo(EngineStatus.InvalidArgument));
            Assert.That(e.Message, Does.Contain("cuda:2").And.Contain("2 GPUs"));
        });
    }

    [Test]
    public void A_gpu_that_is_too_old_is_refused_with_its_capability()
    {
        using FakeCuda fake = new(new FakeCudaOptions { Capability = 75 });
        EngineException e = Assert.Throws<EngineException>(() => fake.Open())!;
        Assert.That(e.Message, Does.Contain("7.5").And.Contain("8.0").And.Contain("Fake GPU 0"));
    }

    [Test]
    public void A_context_leaves_nothing_behind()
    {
        using FakeCuda fake = new();
        using (CudaContext context = fake.Open())
        {
            Assert.That(context.Memory(), Is.EqualTo((1L << 30, 1L << 30)));
            Assert.That(fake.Counters.Live, Is.EqualTo(2), "a context and a stream");
        }

        Assert.That(fake.Counters.Live, Is.Zero);
    }

    [Test]
    public void Two_devices_have_memory_of_their_own()
    {
        using FakeCuda fake = new(new FakeCudaOptions { Devices = 2 });
        using CudaContext first = fake.Open(0), second = fake.Open(1);
        nint address = first.AllocateDevice(1 << 20, "a test");
        Assert.Multiple(() =>
        {
            Assert.That(first.Memory().Free, Is.EqualTo((1L << 30) - (1 << 20)));
            Assert.That(second.Memory().Free, Is.EqualTo(1L << 30));
            Assert.That(() => second.Fill(address, 0, 16), Throws.TypeOf<EngineException>());
        });
        first.FreeDevice(address);
    }

    [Test]
    public void Each_thread_that_calls_gets_the_context()
    {
        using FakeCuda fake = new();
        using CudaContext context = fake.Open();
        Exception? error = null;
        Thread thread = new(() =>
        {
            try
            {
                context.FreeDevice(context.AllocateDevice(1024, "a test"));
            }
            catch (EngineException e)
            {
                error = e;
            }
        });
        thread.Start();
        thread.Join();
        Assert.That(error, Is.Null);
    }

    [Test]
    public void Out_of_memory_names_what_was_asked_for_and_what_is_free_and_is_not_final()
    {
        using FakeCuda fake = new(new FakeCudaOptions { MemoryBytes = 1 << 20 });
        using CudaContext context = fake.Open();
        EngineException e = Assert.Throws<EngineException>(() => context.AllocateDevice(2 << 20, "a test"))!;
        Assert.Multiple(() =>
        {
            Assert.That(e.Status, Is.EqualTo(EngineStatus.OutOfMemory));
            Assert.That(e.Message, Does.Contain("2097152").And.Contain("1048576"));
            Assert.That(context.Lost, Is.Null);
        });
        context.FreeDevice(context.AllocateDevice(1 << 20, "a test"));
    }

    [TestCase(CudaResult.IllegalAddress)]
    [TestCase(CudaResult.EccUncorrectable)]
    [TestCase(CudaResult.LaunchFailed)]
    public void After_a_sticky_error_the_driver_is_not_called_again(CudaResult result)
    {
        using FakeCuda fake = new();
        CudaContext context = fake.Open();
        CudaModules modules = new(context, new TextImages(), new CubinCache(null));
        CudaFunction fill = modules.Find("fake_fill");
        nint memory = context.AllocateDevice(64, "a test");
        fake.FailLaunch(0, result);
        EngineException lost = Assert.Throws<EngineException>(() =>
        {
            context.Launch(fill, new FakeArguments(memory, 7, 16), (1, 1, 1), 32);
            context.Synchronize();
        })!;
        EngineException later = Assert.Throws<EngineException>(() => context.AllocateDevice(64, "a test"))!;
        context.FreeDevice(memory);
        modules.Dispose();
        context.Dispose();
        Assert.Multiple(() =>
        {
            Assert.That(lost.Status, Is.EqualTo(EngineStatus.DeviceLost));
            Assert.That(later.Status, Is.EqualTo(EngineStatus.DeviceLost));
            Assert.That(later.Message, Is.EqualTo(lost.Message));
            Assert.That(fake.Counters.CallsAfterLost, Is.Zero);
        });
    }

    [TestCase(FakeOrder.Eager)]
    [TestCase(FakeOrder.Late)]
    public void Synchronising_each_launch_names_the_kernel_that_failed(FakeOrder order)
    {
        using FakeCuda fake = new(new FakeCudaOptions { Order = order });
        using CudaContext context = fake.Open();
        context.SynchronizesEachLaunch = true;
        using CudaModules modules = new(context, new TextImages(), new CubinCache(null));
        nint memory = context.AllocateDevice(64, "a test");
        context.Launch(modules.Find("fake_fill"), new FakeArguments(memory, 7, 16), (1, 1, 1), 32);
        EngineException e = Assert.Throws<EngineException>(
            () => context.Launch(modules.Find("fake_wild"), new FakeArguments(0, 0, 1), (1, 1, 1), 32))!;
        Assert.That(e.Message, Does.Contain("fake_wild").And.Contain("CUDA_ERROR_ILLEGAL_ADDRESS"));
    }

    [Test]
    public void A_write_past_the_end_of_an_allocation_is_caught()
    {
        using FakeCuda fake = new();
        using CudaContext context = fake.Open();
        using CudaModules modules = new(context, new TextImages(), new CubinCache(null));
        nint memory = context.AllocateDevice(64, "a test");
        context.Launch(modules.Find("fake_fill"), new FakeArguments(memory, 7, 17), (1, 1, 1), 32);
        Assert.That(context.Synchronize, Throws.TypeOf<EngineException>());
        Assert.That(fake.Message, Does.Contain("fake_fill").And.Contain("64 bytes"));
    }
}

/// <summary>Arguments of the fake's own kernels.</summary>
internal readonly record struct FakeArguments(long Target, long Value, long Count);
