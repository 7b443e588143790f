using Engine.Devices.Cuda;

namespace Engine.Tests.Devices.Cuda;

[TestFixture]
internal sealed class CudaModulesTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Code_is_compiled_once_and_then_read_from_the_cache()
    {
        using FakeCuda fake = new();
        Find(fake, new TextImages());
        Find(fake, new TextImages());
        Assert.That(fake.Counters.Compilations, Is.EqualTo(1));
        Assert.That(Directory.GetFiles(_folder), Has.Length.EqualTo(1));
    }

    [Test]
    public void Other_source_and_another_driver_are_compiled_anew()
    {
        using (FakeCuda fake = new())
        {
            Find(fake, new TextImages());
            Find(fake, new TextImages("7.7"));
            Assert.That(fake.Counters.Compilations, Is.EqualTo(2));
        }

        using FakeCuda newer = new(new FakeCudaOptions { DriverVersion = 12050 });
        Find(newer, new TextImages());
        Assert.That(newer.Counters.Compilations, Is.EqualTo(1));
    }

    [Test]
    public void The_build_s_lists_of_kernels_are_what_the_modules_have()
    {
        CudaImages images = CudaImages.Embedded;
        Assert.Multiple(() =>
        {
            foreach (string target in CudaImages.Targets(90))
            {
                foreach (string module in images.Modules(target))
                {
                    Assert.That(
                        images.Kernels(module, target), Is.EqualTo(CudaImages.Entries(images.Read(module, target))),
                        $"{module}.{target}");
                }
            }
        });
    }

    [Test]
    public void Opening_a_gpu_unpacks_nothing_and_a_kernel_unpacks_its_module_alone()
    {
        using FakeCuda fake = new();
        CountingImages images = new();
        using CudaContext context = fake.Open();
        using CudaModules modules = new(context, images, new CubinCache(null));
        Assert.That(images.NumRead, Is.Zero);
        Assert.That(modules.Has("ekc_rms_norm_bf16"));
        modules.Find("ekc_rms_norm_bf16");
        modules.Find("ekc_rope_bf16");
        Assert.That(images.NumRead, Is.EqualTo(1));
    }

    private sealed class CountingImages : CudaImages
    {
        public int NumRead { get; private set; }

        public override IReadOnlyList<string> Modules(string target) => Embedded.Modules(target);

        public override IEnumerable<string> Kernels(string module, string target) => Embedded.Kernels(module, target);

        public override byte[] Read(string module, string target)
        {
            NumRead++;
            return Embedded.Read(module, target);
        }
    }

    [TestCase(true)]
    [TestCase(false)]
    public void A_damaged_file_is_compiled_and_written_again(bool isCut)
    {
        using FakeCuda fake = new();
        Find(fake, new TextImages());
        string file = Directory.GetFiles(_folder).Single();
        byte[] good = File.ReadAllBytes(file), bad = isCut ? good[..^9] : [.. good];
        bad[^1] ^= 1;
        File.WriteAllBytes(file, bad);
        Find(fake, new TextImages());
        Assert.That(fake.Counters.Compilations, Is.EqualTo(2));
        Assert.That(File.ReadAllBytes(file), Is.EqualTo(good));
    }

    [Test]
    public void A_folder_that_cannot_be_written_is_no_error()
    {
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        using FakeCuda fake = new();
        using CudaContext context = fake.Open();
        using CudaModules modules = new(context, new TextImages(), new CubinCache(Path.Combine(file, "sub")));
        Assert.That(modules.Find("fake_fill").Name, Is.EqualTo("fake_fill"));
    }

    [Test]
    public void A_failed_compilation_names_the_module_and_has_the_log()
    {
        using FakeCuda fake = new();
        fake.FailCompilation();
        EngineException e = Assert.Throws<EngineException>(() => Find(fake, new TextImages()))!;
        Assert.That(e.Message, Does.Contain("fake.sm_80").And.Contain("ptxas fatal: injected"));
        Assert.That(fake.Counters.Live, Is.Zero);
    }

    [Test]
    public void A_driver_that_is_too_old_is_named()
    {
        using FakeCuda fake = new(new FakeCudaOptions { DriverVersion = 11080 });
        EngineException e = Assert.Throws<EngineException>(() => Find(fake, new TextImages("8.0")))!;
        Assert.That(e.Status, Is.EqualTo(EngineStatus.Unsupported));
        Assert.That(e.Message, Does.Contain("CUDA 11.8").And.Contain("too old"));
    }

    [Test]
    public void A_gpu_without_code_is_refused()
    {
        using FakeCuda fake = new(new FakeCudaOptions { Capability = 86 });
        EngineException e = Assert.Throws<EngineException>(() => Find(fake, new TextImages("8.0", "sm_90")))!;
        Assert.That(e.Message, Does.Contain("sm_80"));
    }

    [Test]
    public void An_unknown_kernel_is_refused_by_name()
    {
        using FakeCuda fake = new();
        using CudaContext context = fake.Open();
        using CudaModules modules = new(context, new TextImages(), new CubinCache(null));
        Assert.That(
            () => modules.Find("nothing"),
            Throws.TypeOf<EngineException>().With.Message.Contains("nothing"));
    }

    [TestCase(80, "sm_80")]
    [TestCase(86, "sm_80")]
    [TestCase(89, "sm_89")]
    [TestCase(90, "sm_90a")]
    [TestCase(100, "sm_90")]
    [TestCase(120, "sm_90")]
    public void The_best_target_for_a_gpu_comes_first(int capability, string target) =>
        Assert.That(CudaImages.Targets(capability)[0], Is.EqualTo(target));

    [TestCase("sm_90a", 90, ExpectedResult = true)]
    [TestCase("sm_90a", 100, ExpectedResult = false)]
    [TestCase("sm_80", 100, ExpectedResult = true)]
    [TestCase("sm_90", 80, ExpectedResult = false)]
    public bool Code_of_a_target_is_tried_only_where_it_runs(string target, int capability) =>
        CudaImages.Targets(capability).Contains(target);

    [Test]
    public void An_allocation_that_fails_at_any_point_leaves_nothing()
    {
        for (int n = 0; n < 3; n++)
        {
            using FakeCuda fake = new();
            fake.FailAllocation(n);
            try
            {
                using CudaContext context = fake.Open();
                using CudaModules modules = new(context, new TextImages(), new CubinCache(null));
                using CudaArena arena = new(context, "a test");
                using CudaStaging staging = new(context, 3, 4096);
                arena.Allocate(100);
                modules.Find("fake_fill");
                Assert.That(n, Is.EqualTo(3), "fewer allocations than thought");
            }
            catch (EngineException e)
            {
                Assert.That(e.Status, Is.EqualTo(EngineStatus.OutOfMemory));
            }

            Assert.That(fake.Counters.Live, Is.Zero, $"allocation {n}");
        }
    }

    private void Find(FakeCuda fake, TextImages images)
    {
        using CudaContext context = fake.Open();
        using CudaModules modules = new(context, images, new CubinCache(_folder));
        modules.Find("fake_fill");
    }
}
