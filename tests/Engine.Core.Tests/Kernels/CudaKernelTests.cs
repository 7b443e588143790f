namespace Engine.Tests.Kernels;

/// <summary>
/// The CUDA kernels on the emulated machine, against definitions in double, and the PTX that clang made of the same
/// sources. The tests are C++ (kernels/cuda/tests); here they are built and run. Nothing of this needs a GPU, and
/// nothing of this says how a kernel does on one.
/// </summary>
[TestFixture]
public sealed class CudaKernelTests
{
    [OneTimeSetUp]
    public void Build() => CudaKernelPrograms.Build();

    [TestCase("rows")]
    [TestCase("kv")]
    [TestCase("linear")]
    [TestCase("wgmma")]
    [TestCase("wgmma_like_mma")]
    [TestCase("quantized")]
    [TestCase("unpacking")]
    [TestCase("rounding")]
    [TestCase("w8a8")]
    [TestCase("w8a8_wgmma")]
    [TestCase("sample")]
    [TestCase("attention_any")]
    [TestCase("attention")]
    [TestCase("attention_wgmma")]
    [TestCase("attention_wgmma_like_mma")]
    public void KernelsAgreeWithTheirDefinitions(string group)
    {
        string log = CudaKernelPrograms.Run(CudaKernelPrograms.Tests, [group], out int code);
        Assert.That(code, Is.Zero, log);
    }

    [TestCase("rows")]
    [TestCase("sample")]
    [TestCase("wgmma_like_mma")]
    public void WhatIsCarriedToAGpuRunsOnTheFakeDriver(string group)
    {
        string folder = CudaKernelPrograms.Folder;
        if (Directory.GetFiles(folder, "*.ptx").Length == 0) Assert.Ignore("built without clang-19");
        string log = CudaKernelPrograms.Run(
            CudaKernelPrograms.DriverTests, [folder, "--seeds", "1", group], out int code,
            Path.Combine(Path.GetDirectoryName(folder)!, "libcuda_fake.so"));
        Assert.That(code, Is.Zero, log);
        Assert.That(log, Does.Contain("Fake GPU"));
    }

    [Test]
    public void PtxHasNoStackNoCallsAndTheStructuresOfTheHeader()
    {
        string folder = CudaKernelPrograms.Folder;
        if (Directory.GetFiles(folder, "*.ptx").Length == 0) Assert.Ignore("built without clang-19");
        string log = CudaKernelPrograms.Run(CudaKernelPrograms.Tests, ["--ptx", folder], out int code);
        Assert.That(code, Is.Zero, log);
    }
}
