using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Hosting;
using Engine.Memory;
using Engine.Tests.Kernels;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Products by a cuBLASLt that is as strict as NVIDIA's documents, and what happens without one.</summary>
[TestFixture]
internal sealed class CudaCublasLtTests
{
    private const int Create = 0, Heuristic = 1, Product = 2;

    [TestCase(DType.BF16, DType.BF16, 17, 64, 128, false)]
    [TestCase(DType.BF16, DType.F32, 40, 200, 72, true)]
    [TestCase(DType.F16, DType.F16, 64, 136, 512, true)]
    [TestCase(DType.F16, DType.F32, 300, 32, 40, false)]
    public void A_product_of_many_rows_is_what_the_kernels_give(
        DType type, DType yType, int rows, int n, int k, bool accumulates)
    {
        float[] expected = Multiply(false), found = Multiply(true);
        Assert.That(found, Is.EqualTo(expected).Within(yType == DType.F32 ? 1e-4 : 0.04));

        float[] Multiply(bool usesCublasLt)
        {
            using FakeCuda fake = new();
            using CudaDevice gpu = new(Options(type, usesCublasLt));
            float[] result = new float[rows * n];
            using Operands o = new(gpu, rows, n, k, yType);
            o.Multiply(null, false);
            if (accumulates) o.Multiply(null, true);
            gpu.Download(result, o.Y());
            Assert.That(fake.Counters.Products, Is.EqualTo(usesCublasLt ? accumulates ? 2 : 1 : 0), fake.Message);
            return result;
        }
    }

    [Test]
    public void Few_rows_a_bias_and_rows_off_16_bytes_are_left_to_the_kernels()
    {
        using FakeCuda fake = new();
        using CudaDevice gpu = new(Options(DType.BF16));
        using Operands few = new(gpu, 16, 64, 64, DType.BF16), many = new(gpu, 17, 64, 64, DType.BF16),
            odd = new(gpu, 17, 65, 64, DType.F32);
        using DeviceBuffer bias = gpu.Upload(KernelData.Random(64, 3));
        few.Multiply(null, false);
        many.Multiply(bias, false);
        odd.Multiply(null, false);
        Assert.That(fake.Counters.Products, Is.Zero);
        many.Multiply(null, false);
        Assert.That(fake.Counters.Products, Is.EqualTo(1));
    }

    [Test]
    public void Known_shapes_allocate_nothing_whatever_the_number_of_rows()
    {
        using FakeCuda fake = new();
        using CudaDevice gpu = new(Options(DType.BF16));
        using Operands o = new(gpu, 64, 64, 64, DType.BF16);
        Multiply();
        long objects = fake.Counters.CublasLtObjects;
        // Some code may still be compiled: one of a few rounds must be clean.
        Assert.That(Enumerable.Range(0, 4).Select(_ => Multiply()).ToArray(), Has.Some.Zero);
        Assert.That(fake.Counters.CublasLtObjects, Is.EqualTo(objects));

        long Multiply()
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int rows = 33; rows <= 64; rows++) o.Multiply(null, false, rows);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [TestCase(true, true)]
    [TestCase(true, false)]
    [TestCase(false, false)]
    public void A_crowd_gets_the_tokens_of_the_kernels(bool usesGraphs, bool runsAhead)
    {
        Assert.That(Run(true), Is.EqualTo(Run(false)));

        string Run(bool usesCublasLt)
        {
            using FakeCuda fake = new();
            CudaDeviceOptions options = Options(DType.BF16, usesCublasLt) with
            {
                UsesGraphs = usesGraphs,
                RunsAhead = runsAhead,
            };
            string text;
            using (LoadedModel model = Demo(options)) text = CudaTinyModel.Text(model, 20, 12, 20, growth: 0);
            Assert.That(fake.Counters.Products, usesCublasLt ? Is.Positive : Is.Zero);
            Assert.That(fake.Counters.GraphLaunches, usesGraphs ? Is.Positive : Is.Zero);
            Assert.That(fake.Counters.Live, Is.Zero);
            return text;
        }
    }

    [TestCase(Heuristic, 0)]
    [TestCase(Product, 0)]
    [TestCase(Product, 9)]
    public void What_is_not_supported_is_left_to_the_kernels_and_told(int call, int after)
    {
        using FakeCuda fake = new();
        string expected, found, name;
        using (LoadedModel model = Demo(Options(DType.BF16, false))) expected = CudaTinyModel.Text(model, 3, 4);
        using (LoadedModel model = Demo(Options(DType.BF16)))
        {
            fake.FailCublasLt(call, CublasStatus.NotSupported, after, stays: true);
            found = CudaTinyModel.Text(model, 3, 4);
            name = model.DeviceName;
        }

        Assert.Multiple(() =>
        {
            Assert.That(found, Is.EqualTo(expected));
            Assert.That(fake.Counters.Products, Is.EqualTo(after));
            Assert.That(name, Does.Contain("cuBLASLt 12.4.5 less").And.Contain("CUBLAS_STATUS_NOT_SUPPORTED"));
        });
    }

    [Test]
    public void A_library_that_is_not_there_is_told_and_done_without()
    {
        using FakeCuda fake = new();
        using LoadedModel model = Demo(Options(DType.BF16) with { CublasLtPath = "/nowhere/libcublasLt.so.12" });
        CudaTinyModel.Text(model, 3, 2);
        Assert.That(model.DeviceName, Does.Contain("without cuBLASLt (not found)"));
    }

    [Test]
    public void A_library_without_its_functions_counts_as_not_there()
    {
        using FakeCuda fake = new();
        using CudaDevice gpu = new(Options(DType.BF16) with { CublasLtPath = "libc.so.6" });
        Assert.That(gpu.Name, Does.Contain("without cuBLASLt"));
    }

    [Test]
    public void A_library_that_does_not_start_is_told_with_its_reason()
    {
        using FakeCuda fake = new();
        fake.FailCublasLt(Create, CublasStatus.NotInitialized);
        using CudaDevice gpu = new(Options(DType.BF16));
        Assert.That(gpu.Name, Does.Contain("without cuBLASLt").And.Contain("CUBLAS_STATUS_NOT_INITIALIZED"));
    }

    [Test]
    public void Without_room_for_its_workspace_nothing_is_loaded_and_nothing_left()
    {
        using FakeCuda fake = new(new FakeCudaOptions { MemoryBytes = 16 << 20 });
        EngineException e = Assert.Throws<EngineException>(() => Demo(Options(DType.BF16)).Dispose())!;
        Assert.That(e.Status, Is.EqualTo(EngineStatus.OutOfMemory));
        Assert.That(fake.Counters.Live, Is.Zero);
    }

    [TestCase(CublasStatus.ExecutionFailed, EngineStatus.Internal)]
    [TestCase(CublasStatus.InternalError, EngineStatus.Internal)]
    [TestCase(CublasStatus.AllocFailed, EngineStatus.OutOfMemory)]
    public void An_error_that_the_driver_knows_nothing_of_is_not_final(CublasStatus status, EngineStatus expected)
    {
        using FakeCuda fake = new();
        using CudaDevice gpu = new(Options(DType.BF16));
        using Operands o = new(gpu, 20, 64, 64, DType.BF16);
        fake.FailCublasLt(Product, status);
        EngineException e = Assert.Throws<EngineException>(() => o.Multiply(null, false))!;
        Assert.That(e.Status, Is.EqualTo(expected));
        Assert.That(e.Message, Does.Contain("cublasLtMatmul").And.Contain("CUBLAS_STATUS"));
        o.Multiply(null, false);
        gpu.Context.Synchronize();
        Assert.That(fake.Counters.Products, Is.EqualTo(1));
    }

    [Test]
    public void A_sticky_error_within_a_product_loses_the_device()
    {
        using FakeCuda fake = new();
        using CudaDevice gpu = new(Options(DType.BF16));
        using Operands o = new(gpu, 20, 64, 64, DType.BF16);
        gpu.Context.Synchronize();
        fake.FailLaunch(0);
        EngineException e = Assert.Throws<EngineException>(() =>
        {
            o.Multiply(null, false);
            gpu.Context.Synchronize();
        })!;
        Assert.That(e.Status, Is.EqualTo(EngineStatus.DeviceLost));
        Assert.That(() => o.Multiply(null, false), Throws.TypeOf<EngineException>());
        Assert.That(fake.Counters.CallsAfterLost, Is.Zero);
    }

    [Test]
    public void A_given_place_is_the_only_one()
    {
        Assert.That(CublasLt.Places("/x/lib.so"), Is.EqualTo(new[] { "/x/lib.so" }));
        Assert.That(CublasLt.Places(""), Has.Some.EqualTo("libcublasLt.so.12").And.Some.EqualTo("libcublasLt.so.13"));
    }

    private static CudaDeviceOptions Options(DType type, bool usesCublasLt = true) =>
        FakeCuda.DeviceOptions(type) with { UsesCublasLt = usesCublasLt, CublasLtPath = FakeCuda.Path };

    private static LoadedModel Demo(CudaDeviceOptions cuda) =>
        CudaTinyModel.Load(Path.Combine(TestPaths.Root, "demo-model", "model"), cuda);

    private sealed unsafe class Operands : IDisposable
    {
        private readonly CudaDevice _gpu;
        private readonly LinearWeight _weight;
        private readonly DeviceBuffer _x;
        private readonly DeviceBuffer _y;
        private readonly int _n;
        private readonly int _k;
        private readonly int _rows;
        private readonly DType _type;

        public Operands(CudaDevice gpu, int rows, int n, int k, DType yType)
        {
            _gpu = gpu;
            (_n, _k) = (n, k);
            _weight = CudaWgmmaTests.Pack(gpu, KernelData.Random(n * k, 8), n, k);
            _x = gpu.Allocate((long)rows * k * sizeof(ushort));
            _y = gpu.Allocate((long)rows * n * yType.SizeOf());
            using LinearWeight table = CudaWgmmaTests.Pack(gpu, KernelData.Random(rows * k, 7), rows, k);
            gpu.Embed(_x.View(gpu.ActivationType, rows, k), table, [.. Enumerable.Range(0, rows)], 1);
            (_rows, _type) = (rows, yType);
        }

        public TensorView Y(int rows = 0) => _y.View(_type, rows == 0 ? _rows : rows, _n);

        public void Multiply(DeviceBuffer? bias, bool accumulate, int rows = 0)
        {
            TensorView y = Y(rows);
            _gpu.Linear(y, _x.View(_gpu.ActivationType, y.Rows, _k), _weight, bias, accumulate);
        }

        public void Dispose()
        {
            _y.Dispose();
            _x.Dispose();
            _weight.Dispose();
        }
    }
}
