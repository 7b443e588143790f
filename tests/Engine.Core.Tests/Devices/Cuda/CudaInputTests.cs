using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Memory;
using Engine.Quantization;
using Engine.Tests.Kernels;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Products on a GPU whose inputs are rounded as a checkpoint says.</summary>
[TestFixture(DType.F32)]
[TestFixture(DType.F16)]
[TestFixture(DType.BF16)]
internal sealed class CudaInputTests(DType type)
{
    private readonly RoundedProducts _products = new(type);

    private static IEnumerable<string> Names => RoundedProducts.Forms.Select(f => f.Name);

    private static IEnumerable<InputScheme> Schemes => RoundedInputData.Schemes;

    [Test]
    public void Products_are_those_of_the_rounded_inputs(
        [ValueSource(nameof(Names))] string name, [ValueSource(nameof(Schemes))] InputScheme scheme)
    {
        using FakeCuda fake = new();
        using CudaDevice gpu = _products.Device();
        foreach ((int n, int k, int rows) in ((int, int, int)[])[(40, 256, 3), (33, 520, 21), (7, 101, 2)])
            _products.AssertProduct(gpu, rows, [RoundedProducts.Matrix(name, n, k, scheme)]);
    }

    [Test]
    public void Emulated_kernels_agree(
        [Values("w8 rows", "fp8 rows", "fp8 blocks", "w4 g128")] string name,
        [ValueSource(nameof(Schemes))] InputScheme scheme)
    {
        using FakeCuda fake = new(new FakeCudaOptions { Emulates = true, Capability = 80 });
        using CudaDevice gpu = _products.Device();
        _products.AssertProduct(gpu, 3, [RoundedProducts.Matrix(name, 20, 264, scheme)]);
        _products.AssertProduct(gpu, 18, [RoundedProducts.Matrix(name, 20, 150, scheme)]);
    }

    [Test]
    public void Many_rows_are_rounded_some_at_a_time([Values("w8 rows", "fp8 blocks", "nvfp4")] string name)
    {
        InputScheme scheme = name == "w8 rows" ? new(InputRounding.Int8TokenZero)
            : name == "nvfp4" ? new(InputRounding.NvFp4, 500f) : new(InputRounding.E4M3Group);
        using FakeCuda fake = new();
        using CudaDevice gpu = _products.Device();
        _products.AssertProduct(gpu, 1030, [RoundedProducts.Matrix(name, 5, 130, scheme)]);
        Assert.That(FakeCuda.Runs("ekc_round_"), Is.EqualTo(2));
    }

    [Test]
    public void Parts_with_scales_of_their_own_are_one_weight()
    {
        using FakeCuda fake = new();
        using CudaDevice gpu = _products.Device();
        WeightMatrix[] parts =
        [
            RoundedProducts.Matrix("w8 rows", 21, 256, new(InputRounding.Int8Tensor, 0.03f)),
            RoundedProducts.Matrix("w8 rows", 8, 256, new(InputRounding.Int8Tensor, 0.03f)),
            RoundedProducts.Matrix("w8 rows", 5, 256, new(InputRounding.Int8Tensor, 0.02f, 9)),
        ];
        using LinearWeight weight = gpu.PackLinear(_products.Source(parts));
        Assert.That(((CudaWeight)weight).Segments, Has.Length.EqualTo(2));
        _products.AssertProduct(gpu, 4, parts);
    }

    [Test]
    public void Inputs_of_another_order_are_rounded_and_permuted()
    {
        using FakeCuda fake = new();
        using CudaDevice gpu = _products.Device();
        RandomCodes matrix = new(RoundedProducts.Forms[1].Codes, 24, 136, 5, isReordered: true)
        {
            Inputs = new InputScheme(InputRounding.Int8Token),
        };
        _products.AssertProduct(gpu, 300, [matrix]);
    }

    [TestCase("w8 rows", InputRounding.Int8Token, 80, 12040, ExpectedResult = "ekc_linear_w8a8_i8_")]
    [TestCase("fp8 rows", InputRounding.E4M3Token, 80, 12040, ExpectedResult = "ekc_linear_w8a8_e4m3_skinny")]
    [TestCase("fp8 blocks", InputRounding.E4M3Group, 90, 12040, ExpectedResult = "ekc_linear_w8a8_e4m3_mma_")]
    [TestCase("fp8 blocks", InputRounding.E4M3Group, 90, 12030, ExpectedResult = "ekc_linear_w8a8_e4m3_skinny")]
    [TestCase("w4 g128", InputRounding.Int8Token, 90, 12040, ExpectedResult = "ekc_linear_i4_")]
    [TestCase("w8 zeros", InputRounding.Int8Token, 90, 12040, ExpectedResult = "ekc_linear_i8_")]
    [TestCase("fp8 rows", InputRounding.Int8Token, 90, 12040, ExpectedResult = "ekc_linear_e4m3_")]
    public string? The_product_is_chosen_by_weight_inputs_and_gpu(
        string name, InputRounding rounding, int capability, int driver)
    {
        using FakeCuda fake = new(new FakeCudaOptions { Capability = capability, DriverVersion = driver });
        using CudaDevice gpu = _products.Device();
        _products.AssertProduct(gpu, 2, [RoundedProducts.Matrix(name, 16, 256, new InputScheme(rounding))]);
        string[] all =
        [
            "ekc_linear_w8a8_i8_", "ekc_linear_w8a8_e4m3_mma_", "ekc_linear_w8a8_e4m3_skinny", "ekc_linear_i4_",
            "ekc_linear_i8_", "ekc_linear_e4m3_",
        ];
        return all.SingleOrDefault(kernel => FakeCuda.Runs(kernel) > 0);
    }

    [Test]
    public void Inputs_stay_as_they_are_where_the_checkpoint_is_not_followed()
    {
        using FakeCuda fake = new();
        using CudaDevice gpu = fake.Device(type);
        RandomCodes matrix = RoundedProducts.Matrix("w8 rows", 8, 64, RoundedInputData.Schemes[2]);
        using LinearWeight weight = gpu.PackLinear(_products.Source([matrix]));
        Assert.That(((CudaWeight)weight).Segments[0].Inputs, Is.EqualTo(CudaInputs.Plain));
    }

    [Test]
    public void What_is_no_number_shows_in_its_row_alone([ValueSource(nameof(Schemes))] InputScheme scheme)
    {
        const int K = 140;
        using FakeCuda fake = new();
        using CudaDevice gpu = _products.Device();
        foreach (string name in (string[])["w8 rows", "fp8 blocks", "w4 g128"])
        {
            float[] x = KernelData.Random(2 * K, 2);
            x[5] = float.PositiveInfinity;
            float[] y = _products.Run(gpu, x, 2, [RoundedProducts.Matrix(name, 3, K, scheme)]);
            Assert.That(y.Select(float.IsFinite), Is.EqualTo(new[] { false, false, false, true, true, true }), name);
        }
    }

    [Test]
    public void A_plan_counts_what_packing_takes([ValueSource(nameof(Names))] string name)
    {
        using FakeCuda fake = new();
        using CudaDevice gpu = _products.Device();
        foreach (InputScheme scheme in RoundedInputData.Schemes)
        {
            LinearSource source = _products.Source([RoundedProducts.Matrix(name, 24, 200, scheme)]);
            using LinearWeight weight = gpu.PackLinear(source);
            using CudaDevice plan = CudaDevice.ForPlan(type, 1L << 30, followsInputs: true);
            Assert.That(plan.PackedLinearBytes(source), Is.EqualTo(weight.Bytes));
        }
    }
}
