namespace Engine.Tests.Kernels;

/// <summary>
/// The PTX of the kernels through NVIDIA's assembler, as a driver would do it when it loads them. This needs no GPU,
/// but a program that is not ours to ship: ENGINE_PTXAS=fetch ./build.sh test gets it, and CI does.
/// </summary>
[TestFixture]
public sealed class CudaAssemblyTests
{
    private List<AssembledModule> _modules = [];

    [OneTimeSetUp]
    public void Assemble()
    {
        string folder = CudaKernelPrograms.Folder;
        if (!Directory.Exists(folder) || Directory.GetFiles(folder, "*.ptx").Length == 0)
        {
            Assert.Ignore("built without clang-19");
        }
        string? ptxas = Ptxas.Find();
        if (ptxas is null)
        {
            Assert.Ignore("no ptxas: ENGINE_PTXAS=fetch ./build.sh test gets one, ENGINE_PTXAS=FILE names one");
        }
        _modules = Ptxas.AssembleAll(ptxas, folder);
        File.WriteAllLines(
            Path.Combine(folder, "registers.tsv"),
            from module in _modules
            from kernel in module.Kernels
            select $"{kernel.Name}\t{module.Target}\t{kernel.Registers}\t{kernel.StackBytes}\t{kernel.SpillBytes}");
    }

    [Test]
    public void EveryModuleAssembles()
    {
        Assert.That(_modules, Is.Not.Empty);
        Assert.Multiple(() =>
        {
            foreach (AssembledModule module in _modules)
            {
                Assert.That(module.ExitCode, Is.Zero, $"{module.Module} for {module.Target}: {module.Log}");
                Assert.That(module.Kernels, Is.Not.Empty, $"what ptxas says of {module.Module}: {module.Log}");
            }
        });
    }

    [Test]
    public void ProductsOfWarpgroupsAreNotSerialised()
    {
        foreach (AssembledModule module in _modules)
        {
            Assert.That(module.Log, Does.Not.Contain("(C75"), $"{module.Module} for {module.Target}");
        }
    }

    [Test]
    public void KernelsKeepTheirValuesInRegisters()
    {
        var spilling = from module in _modules
                       from kernel in module.Kernels
                       let bytes = kernel.StackBytes + kernel.SpillBytes
                       where bytes > 0
                       select $"{kernel.Name} for {module.Target}: {bytes} bytes of spills and stack";
        Assert.That(spilling, Is.Empty);
    }
}
