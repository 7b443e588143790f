using System.Diagnostics;
using Engine.Devices.Cuda;
using Engine.Memory;
using Engine.Tests.Golden;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Models of every kind on the fake GPU, its kernels emulated, against the goldens.</summary>
[TestFixture]
internal sealed class CudaGoldenTests
{
    [TestCase("llama-plain")]
    public void Tiny_models_match_their_goldens(string name)
    {
        using FakeCuda fake = new();
        using (CudaDevice device = fake.Device())
        {
            Stopwatch watch = Stopwatch.StartNew();
            GoldenChecks.Check(Path.Combine(GoldenFolder.Committed, name), "config.json", "golden", device);
            TestContext.Out.WriteLine($"{watch.ElapsedMilliseconds} ms, {fake.Counters.Launches} launches");
        }

        Assert.That(fake.Counters.Live, Is.Zero);
    }
}
