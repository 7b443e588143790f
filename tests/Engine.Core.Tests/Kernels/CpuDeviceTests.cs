using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;

namespace Engine.Tests.Kernels;

/// <summary>Threads, memory and options of the CPU device.</summary>
public sealed class CpuDeviceTests
{
    [Test]
    public void ManyDevicesStartAndStop()
    {
        for (int i = 0; i < 50; i++)
        {
            using CpuDevice device = KernelData.Device(CpuIsa.Auto, 1 + (i % 5));
            Assert.That(device.NumThreads, Is.EqualTo(1 + (i % 5)));
        }
    }

    [Test]
    public void MoreThreadsThanProcessorsStillFinish()
    {
        using CpuDevice device = KernelData.Device(CpuIsa.Auto, 16);
        using LinearWeight weight = KernelData.Pack(
            device, KernelData.Random(512 * 64, 1), 512, 64, DType.F32, DType.F32);
        using DeviceBuffer x = device.Upload(KernelData.Random(64, 2));
        using DeviceBuffer y = device.Allocate(512 * sizeof(float));
        for (int i = 0; i < 500; i++)
        {
            device.Linear(y.View(DType.F32, 1, 512), x.View(DType.F32, 1, 64), weight, null, false);
        }

        Assert.That(device.NumThreads, Is.EqualTo(16));
    }

    [Test]
    public void WorkersParkAndWakeAgain()
    {
        using CpuDevice device = KernelData.Device(CpuIsa.Auto, 2);
        using DeviceBuffer x = device.Allocate(1 << 20);
        for (int i = 0; i < 20; i++)
        {
            device.Scale(x.View(DType.F32, 256, 1024), 2f);
            Thread.Sleep(2);
        }

        Assert.That(device.NumThreads, Is.EqualTo(2));
    }

    [Test]
    public void ByDefaultEveryProcessorOfTheMaskIsUsed()
    {
        using var device = new CpuDevice();
        Assert.That(device.NumThreads, Is.EqualTo(CpuDevice.CpuCount));
    }

    [Test]
    public void TheInstructionSetCanBeLowered()
    {
        using CpuDevice device = KernelData.Device(CpuIsa.Baseline);
        Assert.That(device.Name, Does.Contain("baseline"));
    }

    [Test]
    public void AnImpossibleNumberOfThreadsIsRefusedByName()
    {
        Assert.That(
            () => new CpuDevice(new CpuDeviceOptions { NumThreads = 100000 }),
            Throws.TypeOf<EngineException>().With.Property("Parameter").EqualTo("num_threads"));
    }

    [Test]
    public unsafe void MemoryIsZeroedAndAligned()
    {
        using CpuDevice device = KernelData.Device(CpuIsa.Auto, 1);
        using DeviceBuffer first = device.Allocate(3), second = device.Allocate(1000);
        Assert.That(second.Address % 64, Is.EqualTo((nint)0));
        Assert.That(new Span<byte>((void*)second.Address, 1000).ToArray(), Is.All.EqualTo((byte)0));
    }

    [Test]
    public void FreedMemoryIsNoLongerCounted()
    {
        using CpuDevice device = KernelData.Device(CpuIsa.Auto, 1);
        using (DeviceBuffer big = device.Allocate(100 << 20))
        {
            Assert.That(device.AllocatedBytes, Is.GreaterThanOrEqualTo(big.Bytes));
        }

        Assert.That(device.AllocatedBytes, Is.Zero);
    }

    [Test]
    public void ReusedArenaMemoryIsZero()
    {
        using var arena = new NativeArena();
        using Arena.Piece kept = arena.Allocate(64);
        nint address;
        using (Arena.Piece piece = arena.Allocate(4096))
        {
            address = piece.Address;
        }

        using Arena.Piece again = arena.Allocate(4096);
        Assert.That(again.Address, Is.Not.EqualTo(address));
    }

    [Test]
    public void AnAllocationBeyondAllMemoryIsReported()
    {
        using CpuDevice device = KernelData.Device(CpuIsa.Auto, 1);
        Assert.That(
            () => device.Allocate(1L << 60),
            Throws.TypeOf<EngineException>().With.Property("Status").EqualTo(EngineStatus.OutOfMemory));
    }

    [Test]
    public void AnOperationAllocatesNothingOnTheManagedHeap()
    {
        using CpuDevice device = KernelData.Device(CpuIsa.Auto, 2);
        using LinearWeight weight = KernelData.Pack(device, new float[64 * 64], 64, 64, DType.BF16, DType.BF16);
        using DeviceBuffer x = device.Allocate(64 * 4), y = device.Allocate(64 * 4);
        device.Linear(y.View(DType.F32, 1, 64), x.View(DType.F32, 1, 64), weight, null, false);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            device.Linear(y.View(DType.F32, 1, 64), x.View(DType.F32, 1, 64), weight, null, false);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void TheOutputMatrixOfARoundedModelLosesLessThanInputsOfEightBitsWould()
    {
        double eight = OutputError(new LinearCase(false, WeightQuantization.Int8), ActivationPrecision.Bits8);
        double output = OutputError(new LinearCase(IsAmongRounded: true), ActivationPrecision.Bits8);
        TestContext.Out.WriteLine($"relative error: 8 bits {eight:e2}, the output matrix {output:e2}");
        Assert.That(output, Is.LessThan(eight / 2));
    }

    [Test]
    public void TheOutputMatrixStaysAsItIsWhereInputsAreNotRoundedToEightBits()
    {
        Assert.That(OutputError(new LinearCase(IsAmongRounded: true), ActivationPrecision.Bits15), Is.LessThan(1e-5));
        Assert.That(OutputError(new LinearCase(IsAmongRounded: false), ActivationPrecision.Bits8), Is.LessThan(1e-5));
    }

    private readonly record struct LinearCase(
        bool IsAmongRounded, WeightQuantization Quantization = WeightQuantization.None);

    // Of products with an output matrix of f16, against double.
    private static unsafe double OutputError(LinearCase how, ActivationPrecision precision)
    {
        const int N = 64, K = 1024, Rows = 5;
        float[] weights = [.. KernelData.Random(N * K, 3).Select(w => KernelData.Round(w, DType.F16))];
        float[] inputs = KernelData.Random(Rows * K, 4);
        using CpuDevice device = KernelData.Device(CpuIsa.Auto, 2, precision);
        fixed (byte* p = KernelData.Encode(weights, DType.F16))
        {
            using LinearWeight weight = device.PackLinear(new LinearSource
            {
                Parts = [new LinearPart(N, K, DType.F16, (nint)p, K)],
                ComputeType = DType.F16,
                Quantization = how.Quantization,
                IsOutput = true,
                IsAmongRounded = how.IsAmongRounded,
            });
            using DeviceBuffer x = device.Upload(inputs), y = device.Allocate(Rows * N * sizeof(float));
            device.Linear(y.View(DType.F32, Rows, N), x.View(DType.F32, Rows, K), weight, null, false);
            var found = new Span<float>((void*)y.Address, Rows * N);
            double error = 0, total = 0;
            for (int i = 0; i < Rows * N; i++)
            {
                double exact = KernelData.Dot(inputs.AsSpan(i / N * K, K), weights.AsSpan(i % N * K, K)).Value;
                error += Math.Pow(found[i] - exact, 2);
                total += exact * exact;
            }

            return Math.Sqrt(error / total);
        }
    }
}
