using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Hosting;
using Engine.Memory;
using Engine.Tests.Kernels;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Products by wgmma, from the engine down to the emulated machine.</summary>
[TestFixture]
internal sealed class CudaWgmmaTests
{
    [TestCase(1, 200, 2056)]
    [TestCase(9, 1032, 520)]
    [TestCase(20, 130, 1096)]
    [TestCase(40, 128, 512)]
    [TestCase(150, 264, 1032)]
    [TestCase(130, 100, 1096)]
    public void Their_bits_are_those_of_mma_on_the_emulated_machine(int rows, int n, int k)
    {
        float[] x = KernelData.Random(rows * k, 7), w = KernelData.Random(n * k, 8);
        float[] expected = Multiply(false), found = Multiply(true);
        Assert.That(found, Is.EqualTo(expected));

        float[] Multiply(bool usesWgmma)
        {
            using FakeCuda fake = new(new FakeCudaOptions { Emulates = true });
            using CudaDevice gpu = new(Options(DType.BF16, usesWgmma));
            using LinearWeight weight = Pack(gpu, w, n, k), table = Pack(gpu, x, rows, k);
            using DeviceBuffer xs = gpu.Allocate((long)rows * k * sizeof(ushort));
            using DeviceBuffer ys = gpu.Allocate((long)rows * n * sizeof(float));
            TensorView input = xs.View(DType.BF16, rows, k), y = ys.View(DType.F32, rows, n);
            gpu.Embed(input, table, [.. Enumerable.Range(0, rows)], 1);
            // Twice: what the parts of a tile meet in must be as it was.
            gpu.Linear(y, input, weight, null, accumulate: false);
            gpu.Linear(y, input, weight, null, accumulate: true);
            float[] result = new float[rows * n];
            gpu.Download(result, y);
            Assert.That(FakeCuda.Runs("ekc_linear_wgmma"), Is.EqualTo(usesWgmma ? 2 : 0));
            Assert.That(FakeCuda.Runs("ekc_linear_wgmma_pair"), Is.EqualTo(usesWgmma && n > 256 && rows > 128 ? 2 : 0));
            return result;
        }
    }

    [TestCase(true)]
    [TestCase(false)]
    public void An_engine_on_the_emulated_machine_gives_the_same_tokens_with_and_without(bool usesGraphs)
    {
        Assert.That(Run(true), Is.EqualTo(Run(false)));

        string Run(bool usesWgmma)
        {
            using FakeCuda fake = new(new FakeCudaOptions { Emulates = true });
            string text;
            CudaDeviceOptions options = Options(DType.BF16, usesWgmma) with { UsesGraphs = usesGraphs };
            using (LoadedModel model = CudaTinyModel.Load(CudaTinyModel.Folder, options))
            {
                text = CudaTinyModel.Text(model, 3, 6);
            }

            Assert.That(
                FakeCuda.Runs("ekc_linear") - FakeCuda.Runs("ekc_linear_wgmma"), usesWgmma ? Is.Zero : Is.Positive);
            if (usesGraphs) Assert.That(fake.Counters.GraphLaunches, Is.Positive);
            Assert.That(fake.Counters.Live, Is.Zero);
            return text;
        }
    }

    [Test]
    public void Attention_by_wgmma_on_the_emulated_machine_gives_the_same_tokens()
    {
        Assert.That(Run(true), Is.EqualTo(Run(false)));

        static string Run(bool usesWgmma)
        {
            using FakeCuda fake = new(new FakeCudaOptions { Emulates = true });
            CudaDeviceOptions options = FakeCuda.DeviceOptions(DType.BF16) with { UsesWgmmaAttention = usesWgmma };
            using LoadedModel model = CudaTinyModel.Load(CudaTinyModel.Folder, options);
            string text = CudaTinyModel.Text(model, 3, 4);
            Assert.That(FakeCuda.Runs("ekc_attention_wgmma"), usesWgmma ? Is.Positive : Is.Zero);
            Assert.That(FakeCuda.Runs("ekc_attention_tiled"), usesWgmma ? Is.Zero : Is.Positive);
            return text;
        }
    }

    [Test]
    public void The_demo_model_gives_the_cpu_s_tokens()
    {
        string folder = Path.Combine(TestPaths.Root, "demo-model", "model");
        using FakeCuda fake = new();
        using LoadedModel gpu = CudaTinyModel.Load(folder, Options(DType.BF16, true));
        using LoadedModel cpu = LoadedModel.Load(new ModelLoadOptions { Model = folder, Dtype = "bfloat16" });
        Assert.That(CudaTinyModel.Text(gpu, 1, 10), Is.EqualTo(CudaTinyModel.Text(cpu, 1, 10)));
        Assert.That(FakeCuda.Runs("ekc_linear_wgmma"), Is.Positive);
    }

    [TestCase(80, true)]
    [TestCase(100, true)]
    [TestCase(90, false)]
    public void Other_gpus_and_those_that_were_not_asked_take_mma(int capability, bool usesWgmma)
    {
        using FakeCuda fake = new(new FakeCudaOptions { Capability = capability });
        using LoadedModel model = CudaTinyModel.Load(CudaTinyModel.Folder, Options(DType.BF16, usesWgmma));
        CudaTinyModel.Text(model, 1, 2);
        Assert.That(FakeCuda.Runs("ekc_linear_wgmma"), Is.Zero);
        Assert.That(FakeCuda.Runs("ekc_linear_skinny"), Is.Positive);
    }

    private static CudaDeviceOptions Options(DType type, bool usesWgmma) =>
        FakeCuda.DeviceOptions(type) with { UsesWgmma = usesWgmma };

    public static unsafe LinearWeight Pack(CudaDevice device, float[] values, int rows, int columns)
    {
        fixed (float* first = values)
        {
            return device.PackEmbedding(new LinearSource
            {
                Parts = [new LinearPart(rows, columns, DType.F32, (nint)first, columns)],
                ComputeType = device.ActivationType,
            });
        }
    }
}
