using System.Diagnostics;

namespace Engine.Tests.Kernels;

/// <summary>
/// The CUDA kernels on the emulated machine, against definitions in double, and the PTX that clang made of the same
/// sources. The tests are C++ (kernels/cuda/tests); here they are built and run. Nothing of this needs a GPU, and
/// nothing of this says how a kernel does on one.
/// </summary>
[TestFixture]
public sealed class CudaKernelTests
{
    private static readonly string _build = Path.Combine(TestPaths.Root, "build", "kernels");
    private static readonly string _program = Path.Combine(_build, "cuda", "cuda_kernel_tests");

    [OneTimeSetUp]
    public void Build()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("the emulation is built on Linux");
        string log = Run("cmake", ["--build", _build, "--target", "cuda_tests"], out int code);
        Assert.That(code, Is.Zero, log);
    }

    [TestCase("rows")]
    [TestCase("kv")]
    [TestCase("linear")]
    [TestCase("attention")]
    public void KernelsAgreeWithTheirDefinitions(string group)
    {
        string log = Run(_program, [group], out int code);
        Assert.That(code, Is.Zero, log);
    }

    [Test]
    public void PtxHasNoStackNoCallsAndTheStructuresOfTheHeader()
    {
        string folder = Path.Combine(_build, "cuda");
        if (Directory.GetFiles(folder, "*.ptx").Length == 0) Assert.Ignore("built without clang-19");
        string log = Run(_program, ["--ptx", folder], out int code);
        Assert.That(code, Is.Zero, log);
    }

    private static string Run(string program, string[] arguments, out int code)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        code = process.ExitCode;
        return output + errors.Result;
    }
}
