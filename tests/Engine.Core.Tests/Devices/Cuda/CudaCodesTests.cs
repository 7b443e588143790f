using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Devices.Reference;
using Engine.Memory;
using Engine.Quantization;
using Engine.Tests.Kernels;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Weights that stay quantized on a GPU, of every form, against the scalar reference.</summary>
[TestFixture(DType.F32)]
[TestFixture(DType.F16)]
[TestFixture(DType.BF16)]
internal sealed class CudaCodesTests(DType type)
{
    private static IEnumerable<string> Names =>
        CodedKernelTests.Names.Concat(FloatCodeKernelTests.Forms.Select(f => f.Name));

    private static WeightCodes Form(string name) =>
        CodedKernelTests.Forms.Concat(FloatCodeKernelTests.Forms).First(f => f.Name == name).Codes;

    private double Tolerance => type switch { DType.F32 => 2e-4, DType.F16 => 4e-3, _ => 3e-2 };

    [Test]
    public void Every_form_multiplies_as_its_floats_do([ValueSource(nameof(Names))] string name)
    {
        WeightCodes form = Form(name);
        using FakeCuda fake = new();
        using CudaDevice gpu = fake.Device(type);
        foreach ((int n, int k, int rows) in ((int, int, int)[])[(40, 256, 3), (33, 520, 21), (7, 101, 2)])
            AssertProduct(gpu, rows, [new RandomCodes(form, n, k, n)]);
    }

    [Test]
    public void Every_form_stays_as_it_is([ValueSource(nameof(Names))] string name)
    {
        using FakeCuda fake = new();
        using CudaDevice gpu = fake.Device(type);
        WeightCodes form = Form(name);
        LinearSource source = Source([new RandomCodes(form, 64, 1024, 1)]);
        using LinearWeight weight = gpu.PackLinear(source);
        int bits = form.Bits <= 4 ? 4 : 8;
        Assert.Multiple(() =>
        {
            Assert.That(((CudaWeight)weight).Segments, Has.Length.EqualTo(1));
            Assert.That(weight.Bytes * 8.0 / (64 * 1024), Is.InRange(bits, bits + 3.1));
            Assert.That(gpu.PackedLinearBytes(source), Is.EqualTo(weight.Bytes));
            Assert.That(
                CudaDevice.ForPlan(type, 1L << 30).PackedLinearBytes(source), Is.EqualTo(weight.Bytes));
        });
    }

    [Test]
    public void Inputs_of_another_order_are_permuted()
    {
        using FakeCuda fake = new();
        using CudaDevice gpu = fake.Device(type);
        RandomCodes matrix = new(Form("gptq g32"), 24, 136, 5, isReordered: true);
        AssertProduct(gpu, 3, [matrix]);
        AssertProduct(gpu, 300, [matrix]);
    }

    [Test]
    public void Parts_of_different_forms_are_one_weight()
    {
        using FakeCuda fake = new();
        using CudaDevice gpu = fake.Device(type);
        WeightMatrix[] parts =
        [
            new RandomCodes(Form("Q4_K"), 21, 256, 1),
            new RandomCodes(Form("Q4_K"), 8, 256, 2),
            new RandomCodes(Form("Q6_K"), 5, 256, 3),
        ];
        using LinearWeight weight = gpu.PackLinear(Source(parts));
        Assert.That(((CudaWeight)weight).Segments, Has.Length.EqualTo(2));
        AssertProduct(gpu, 4, parts);
    }

    [Test]
    public void Embeddings_read_the_codes([ValueSource(nameof(Names))] string name)
    {
        const int K = 72;
        using FakeCuda fake = new();
        using CudaDevice gpu = fake.Device(type);
        RandomCodes matrix = new(Form(name), 40, K, 6, isReordered: true);
        using LinearWeight weight = gpu.PackEmbedding(Source([matrix]));
        using DeviceBuffer y = gpu.Allocate(2L * K * type.SizeOf());
        TensorView view = y.View(type, 2, K);
        gpu.Embed(view, weight, [39, 3], 2f);
        float[] found = new float[2 * K], row = new float[K];
        gpu.Download(found, view);
        for (int i = 0; i < 2; i++)
        {
            matrix.Dequantize(i == 0 ? 39 : 3, row);
            for (int k = 0; k < K; k++)
            {
                float want = FloatBits.Round(2 * FloatBits.Round(row[k], type), type);
                Assert.That(found[(i * K) + k], Is.EqualTo(want));
            }
        }
    }

    [Test]
    public void Emulated_kernels_agree_with_the_plain_ones([Values("gptq g64", "Q4_K", "Q6_K", "NVFP4", "IQ2_S", "nf4")]
        string name)
    {
        using FakeCuda fake = new(new FakeCudaOptions { Emulates = true });
        using CudaDevice gpu = fake.Device(type);
        AssertProduct(gpu, 3, [new RandomCodes(Form(name), 20, 256, 4)]);
        AssertProduct(gpu, 18, [new RandomCodes(Form(name), 20, 264, 4)]);
    }

    private LinearSource Source(WeightMatrix[] matrices) => new()
    {
        Parts = [.. matrices.Select(m => new LinearPart(m.N, m.K, DType.F32, 0, m.K, Matrix: m))],
        ComputeType = type,
    };

    private void AssertProduct(CudaDevice gpu, int rows, WeightMatrix[] parts)
    {
        int n = parts.Sum(p => p.N), k = parts[0].K;
        float[] x = KernelData.Random(rows * k, 7), bias = KernelData.Random(n, 8);
        foreach (ref float v in x.AsSpan()) v = FloatBits.Round(v, type);
        float[] expected = Run(new ReferenceDevice()), found = Run(gpu);
        double largest = 0;
        for (int i = 0; i < found.Length; i++)
        {
            double difference = Math.Abs(expected[i] - found[i]) / Math.Max(1, Math.Abs(expected[i]));
            if (!(difference <= largest)) largest = difference;
        }

        // Weights are rounded to 16 bits on their way into a product of k of them.
        double magnitude = Math.Sqrt(k) * parts.Max(Largest);
        Assert.That(largest, Is.LessThan(Tolerance * Math.Max(1, magnitude)), $"[{n}, {k}] x {rows}");

        float[] Run(IDevice device)
        {
            using DeviceBuffer biases = device.Upload(bias);
            using LinearWeight weight = device.PackLinear(Source(parts));
            using DeviceBuffer xs = device.Allocate((long)rows * k * device.ActivationType.SizeOf());
            using DeviceBuffer ys = device.Allocate((long)rows * n * sizeof(float));
            TensorView input = xs.View(device.ActivationType, rows, k), y = ys.View(DType.F32, rows, n);
            using LinearWeight table = Table(device, x, rows, k);
            device.Embed(input, table, [.. Enumerable.Range(0, rows)], 1);
            device.Linear(y, input, weight, biases, accumulate: false);
            float[] result = new float[rows * n];
            device.Download(result, y);
            if (device is ReferenceDevice) device.Dispose();
            return result;
        }
    }

    private static float Largest(WeightMatrix matrix)
    {
        float[] row = new float[matrix.K];
        matrix.Dequantize(0, row);
        return row.Max(Math.Abs);
    }

    internal static unsafe LinearWeight Table(IDevice device, float[] values, int rows, int columns)
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
