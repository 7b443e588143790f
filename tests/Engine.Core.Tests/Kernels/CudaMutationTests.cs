namespace Engine.Tests.Kernels;

/// <summary>
/// Are the tests of the CUDA kernels worth something? Each case breaks one wait, barrier or byte count of a kernel
/// (kernels/cuda/tests/mutants.txt) and expects the kernel tests to fail.
/// </summary>
[TestFixture]
public sealed class CudaMutationTests
{
    private static readonly string _sources = Path.Combine(TestPaths.Root, "kernels", "cuda");
    private static readonly string _objects = Path.Combine(CudaKernelPrograms.Folder, "CMakeFiles");

    // What timeout ends with. A test that is only slow has shown nothing.
    private const int TimedOut = 124;

    [OneTimeSetUp]
    public void Build() => CudaKernelPrograms.Build();

    [TestCaseSource(nameof(Mutants))]
    public void TheKernelTestsCatch(CudaMutant mutant)
    {
        using TemporaryTree tree = new();
        foreach (string folder in new[] { "", "include", "device", "ops", "emulation" })
        {
            string target = Directory.CreateDirectory(Path.Combine(tree.Path, folder)).FullName;
            foreach (string file in Directory.GetFiles(Path.Combine(_sources, folder)))
            {
                File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
            }
        }
        string program = Path.Combine(tree.Path, "mutated");
        string broken = Path.Combine(tree.Path, mutant.File);
        string text = File.ReadAllText(broken);
        Assert.That(text, Does.Contain(mutant.From), "the source has changed: adapt mutants.txt");
        File.WriteAllText(broken, text.Replace(mutant.From, mutant.To, StringComparison.Ordinal));
        string log = CudaKernelPrograms.Run(
            "c++",
            [
                "-std=gnu++17", "-O0", "-w", "-DEMU", "-fno-exceptions", "-fno-rtti", "-ffp-contract=off",
                "-I" + tree.Path, "-I" + Path.Combine(tree.Path, "include"), "-o", program, "-x", "c++",
                .. mutant.Module.Split('+').Select(module => Path.Combine(tree.Path, module + ".cu")),
                "-x", "none", .. ObjectFiles(),
            ],
            out int code);
        Assert.That(code, Is.Zero, log);
        log = CudaKernelPrograms.Run("timeout", ["300", program, "--first", mutant.Group], out code);
        Assert.That(code, Is.Not.Zero, "survived: " + log);
        Assert.That(code, Is.Not.EqualTo(TimedOut), "neither caught nor survived: " + log);
        Assert.That(log, Does.Not.Contain("no kernel"), "the group needs another module");
    }

    private static IEnumerable<TestCaseData> Mutants()
    {
        bool all = Environment.GetEnvironmentVariable("ENGINE_CUDA_MUTANTS") == "all";
        foreach (CudaMutant mutant in CudaMutant.Read(Path.Combine(_sources, "tests", "mutants.txt")))
        {
            if (!all && !mutant.Always) continue;
            string name = $"{Path.GetFileName(mutant.File)}, {mutant.Description}".Replace('.', '_');
            yield return new TestCaseData(mutant).SetArgDisplayNames(name);
        }
    }

    private static IEnumerable<string> ObjectFiles() =>
        Directory.GetFiles(Path.Combine(_objects, "cuda_kernel_tests.dir", "tests"), "*.o")
            .Concat(Directory.GetFiles(Path.Combine(_objects, "cuda_emulation_objects.dir", "emulation"), "*.o"));

    private sealed class TemporaryTree : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("engine-mutant-").FullName;

        public void Dispose() => Directory.Delete(Path, true);
    }
}
