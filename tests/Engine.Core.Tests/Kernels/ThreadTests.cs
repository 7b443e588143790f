using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Hosting;
using Engine.Memory;
using Engine.Sampling;
using Engine.Tests.Hosting;

namespace Engine.Tests.Kernels;

/// <summary>Threads far beyond the processors, lists of CPUs, memory nodes, silence without work.</summary>
public sealed class ThreadTests
{
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(7)]
    [TestCase(9)]
    [TestCase(17)]
    [TestCase(64)]
    public void AnyNumberOfThreadsGivesTheBitsOfOne(int threads)
    {
        const int N = 1000, K = 128, M = 5;
        using CpuDevice device = KernelData.Device(CpuIsa.Auto, threads);
        using LinearWeight weight = KernelData.Pack(
            device, KernelData.Random(N * K, 1), N, K, DType.BF16, DType.BF16);
        using DeviceBuffer x = device.Upload(KernelData.Random(M * K, 2));
        using DeviceBuffer y = device.Allocate(M * N * sizeof(float));
        using var attention = new AttentionCase(device, new(4, 2, 64, 0.1f), 2200, DType.F16, 4);
        int[] cuts = [2180, .. Enumerable.Repeat(1, 20)];
        device.SetNumThreads(1);
        float[] expected = Multiply();
        float[] attended = attention.Run(cuts);
        device.SetNumThreads(threads);
        for (int i = 0; i < 200; i++)
        {
            if (!KernelData.SameBits(Multiply(), expected)) Assert.Fail($"product {i} differs");
        }

        Assert.That(KernelData.SameBits(attention.Run(cuts), attended), Is.True, "attention");

        float[] Multiply()
        {
            device.Linear(y.View(DType.F32, M, N), x.View(DType.F32, M, K), weight, null, false);
            var result = new float[M * N];
            device.Download(result, y.View(DType.F32, M, N));
            return result;
        }
    }

    [TestCase("0", new[] { 0 })]
    [TestCase("3,1", new[] { 3, 1 })]
    [TestCase("0-2,8", new[] { 0, 1, 2, 8 })]
    public void AListOfCpusIsRead(string text, int[] expected) =>
        Assert.That(CpuList.Parse(text), Is.EqualTo(expected));

    [TestCase("")]
    [TestCase("a")]
    [TestCase("2-1")]
    [TestCase("1,1")]
    [TestCase("0-9999999")]
    [TestCase("-1")]
    [TestCase("node:")]
    [TestCase("node:x")]
    public void WhatIsNoListIsRefusedByName(string text) =>
        Assert.That(
            () => CpuList.Parse(text), Throws.TypeOf<EngineException>().With.Property("Parameter").EqualTo("cpus"));

    [Test]
    public void ThreadsAreBoundToTheListAndNotToAGuess()
    {
        using var listed = new CpuDevice(new CpuDeviceOptions { NumThreads = 1, Cpus = [FirstCpu()] });
        using var some = new CpuDevice(new CpuDeviceOptions { NumThreads = CpuDevice.CpuCount + 1 });
        bool? isBound = null, isBoundToGuess = null;
        var thread = new Thread(() =>
        {
            isBoundToGuess = some.PinCallingThread();
            isBound = listed.PinCallingThread();
        });
        thread.Start();
        thread.Join();
        Assert.That((isBound, isBoundToGuess), Is.EqualTo(((bool?)true, (bool?)false)));
    }

    [Test]
    public void MemoryOverAllNodesIsStillZeroAndUsable()
    {
        using var device = new CpuDevice(new CpuDeviceOptions { NumThreads = 2, InterleaveMemory = true });
        using DeviceBuffer buffer = device.Allocate(5 << 20);
        var values = new float[1 << 20];
        device.Scale(buffer.View(DType.F32, 1 << 10, 1 << 10), 2f);
        device.Download(values, buffer.View(DType.F32, 1 << 10, 1 << 10));
        Assert.That(values, Is.All.Zero);
    }

    [Test]
    public void AnIdleEngineUsesNoProcessor()
    {
        using LoadedModel model = LoadedModel.Load(
            new ModelLoadOptions { Model = Path.Combine(TestPaths.Root, "demo-model", "model"), NumThreads = 2 });
        using var worker = new EngineWorker(model, new EngineOptions { MaxNumSeqs = 1, NumBlocks = 64 });
        EngineWorkerTests.Start(worker, "Once upon a time", new SamplingParams { MaxTokens = 8 }).WaitForEnd();
        Thread.Sleep(50);
        long before = TicksOfEngineThreads();
        Thread.Sleep(1000);
        const int ticksPerSecond = 100;
        long used = TicksOfEngineThreads() - before;
        Assert.That(used, Is.LessThanOrEqualTo(ticksPerSecond / 50), "hundredths of a second");
    }

    private static int FirstCpu()
    {
        const string field = "Cpus_allowed_list";
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith(field, StringComparison.Ordinal));
        return CpuList.Parse(line.Split('\t')[1])[0];
    }

    // User and system time of the threads that engines own: fields 14 and 15 of stat, after the name.
    private static long TicksOfEngineThreads()
    {
        long ticks = 0;
        foreach (string task in Directory.GetDirectories("/proc/self/task"))
        {
            string stat = File.ReadAllText(Path.Combine(task, "stat"));
            string name = stat[(stat.IndexOf('(', StringComparison.Ordinal) + 1)..stat.LastIndexOf(')')];
            if (!name.StartsWith("engine-", StringComparison.Ordinal)) continue;
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            ticks += long.Parse(fields[11], null) + long.Parse(fields[12], null);
        }

        return ticks;
    }
}
