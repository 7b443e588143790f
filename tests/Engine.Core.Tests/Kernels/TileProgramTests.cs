namespace Engine.Tests.Kernels;

/// <summary>
/// The program that is run on an emulated processor with AMX (eng/amx_emulator.py), here with what this machine has:
/// scalar tiles against AVX-512 VNNI in every format that the kernels know, and near AVX-512 BF16.
/// </summary>
[TestFixture]
public sealed class TileProgramTests
{
    [Test]
    public void TilesGiveTheBitsOfOtherLevelsInEveryFormat()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("built on Linux");
        string folder = Path.GetDirectoryName(CudaKernelPrograms.Folder)!;
        string log = CudaKernelPrograms.Run("cmake", ["--build", folder, "--target", "kernels_tiles"], out int code);
        Assert.That(code, Is.Zero, log);
        log = CudaKernelPrograms.Run(Path.Combine(folder, "kernels_tiles"), [], out code);
        Assert.That(code, Is.Zero, log);
        TestContext.Out.WriteLine(log);
    }
}
