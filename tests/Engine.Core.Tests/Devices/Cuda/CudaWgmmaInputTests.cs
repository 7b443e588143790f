using Engine.Devices.Cuda;
using Engine.Memory;
using Engine.Quantization;
using Engine.Tests.Kernels;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Products of codes of 8 bits by wgmma, whose inputs are rounded as a checkpoint says.</summary>
[TestFixture(DType.F16)]
[TestFixture(DType.BF16)]
internal sealed class CudaWgmmaInputTests(DType type)
{
    private readonly RoundedProducts _products = new(type);

    private static IEnumerable<InputScheme> Schemes => RoundedInputData.Schemes;

    [Test]
    public void Products_are_those_of_the_rounded_inputs(
        [Values("w8 rows", "fp8 rows", "fp8 blocks", "w4 g128")] string name,
        [ValueSource(nameof(Schemes))] InputScheme scheme)
    {
        using FakeCuda fake = new();
        using CudaDevice gpu = _products.Device(usesWgmma: true);
        foreach ((int n, int k, int rows) in ((int, int, int)[])[(40, 256, 3), (7, 101, 2), (5, 130, 1030)])
            _products.AssertProduct(gpu, rows, [RoundedProducts.Matrix(name, n, k, scheme)]);
        Assert.That(FakeCuda.Runs("ekc_linear_w8a8_i8") + FakeCuda.Runs("ekc_linear_w8a8_e4m3"), Is.Zero);
    }

    [TestCase("w8 rows", InputRounding.Int8Token)]
    [TestCase("w8 rows", InputRounding.Int8TokenZero)]
    [TestCase("fp8 rows", InputRounding.E4M3Token)]
    [TestCase("fp8 blocks", InputRounding.E4M3Group)]
    public void Emulated_kernels_agree(string name, InputRounding rounding)
    {
        using FakeCuda fake = new(new FakeCudaOptions { Emulates = true });
        using CudaDevice gpu = _products.Device(usesWgmma: true);
        _products.AssertProduct(gpu, 3, [RoundedProducts.Matrix(name, 20, 1160, new(rounding))]);
        _products.AssertProduct(gpu, 20, [RoundedProducts.Matrix(name, 20, 264, new(rounding))]);
        Assert.That(FakeCuda.Runs("ekc_linear_w8a8_wgmma"), Is.EqualTo(2));
    }

    [Test]
    public void Integers_have_the_bits_that_mma_gives()
    {
        RandomCodes matrix = RoundedProducts.Matrix("w8 rows", 150, 264, new(InputRounding.Int8TokenZero));
        float[] x = KernelData.Random(200 * matrix.K, 7), found = Multiply(true);
        Assert.That(found, Is.EqualTo(Multiply(false)));

        float[] Multiply(bool usesWgmma)
        {
            using FakeCuda fake = new(new FakeCudaOptions { Emulates = true });
            using CudaDevice gpu = _products.Device(usesWgmma);
            float[] y = _products.Run(gpu, x, 200, [matrix]);
            Assert.That(FakeCuda.Runs("ekc_linear_w8a8_wgmma_pair"), Is.EqualTo(usesWgmma ? 1 : 0));
            return y;
        }
    }

    [TestCase(90, 12040, ExpectedResult = true)]
    [TestCase(90, 12030, ExpectedResult = false)]
    [TestCase(89, 12040, ExpectedResult = false)]
    public bool Codes_go_by_wgmma_where_gpu_and_driver_have_it(int capability, int driver)
    {
        using FakeCuda fake = new(new FakeCudaOptions { Capability = capability, DriverVersion = driver });
        using CudaDevice gpu = _products.Device(usesWgmma: true);
        InputScheme scheme = new(InputRounding.E4M3Group);
        _products.AssertProduct(gpu, 2, [RoundedProducts.Matrix("fp8 blocks", 16, 256, scheme)]);
        return FakeCuda.Runs("ekc_linear_w8a8_wgmma") > 0;
    }
}
