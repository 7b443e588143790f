using System.Diagnostics;

namespace Engine.Tests.Kernels;

/// <summary>Builds and runs the C++ tests of the CUDA kernels.</summary>
internal static class CudaKernelPrograms
{
    /// <summary>Where CMake builds kernels/cuda.</summary>
    public static string Folder { get; } = Path.Combine(TestPaths.Root, "build", "kernels", "cuda");

    /// <summary>The test program; its arguments are groups of tests.</summary>
    public static string Tests { get; } = Path.Combine(Folder, "cuda_kernel_tests");

    /// <summary>The same tests on a GPU; before the groups comes the folder of the PTX.</summary>
    public static string DriverTests { get; } = Path.Combine(Folder, "cuda_driver_tests");

    public static void Build()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("the emulation is built on Linux");
        string log = Run("cmake", ["--build", Path.GetDirectoryName(Folder)!, "--target", "cuda_tests"], out int code);
        Assert.That(code, Is.Zero, log);
    }

    public static string Run(string program, string[] arguments, out int code, string? driver = null)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (driver is not null)
        {
            start.Environment["ENGINE_CUDA_LIB"] = driver;
            start.Environment["ENGINE_CUDA_FAKE_EMULATES"] = "1";
        }

        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        code = process.ExitCode;
        return output + errors.Result;
    }
}
