using Engine.Hosting;

namespace Engine.Tests.Loading.Gguf;

/// <summary>Damaged model files either load or fail with an error that names the file.</summary>
internal sealed class GgufFuzzTests
{
    private const int Rounds = 400;

    [Test]
    public void MutatedFilesLoadOrFailCleanly([Values(1, 2, 3)] int seed)
    {
        byte[] good = TinyGguf.Model();
        string path = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"fuzz-{Guid.NewGuid():N}.gguf");
        Random random = new(seed);
        int numLoaded = 0;
        try
        {
            for (int round = 0; round < Rounds; round++)
            {
                byte[] mutated = Mutate(good, random);
                File.WriteAllBytes(path, mutated);
                try
                {
                    LoadedModel.Load(new ModelLoadOptions
                    {
                        Model = path,
                        Device = "reference",
                        MaxModelLen = 32,
                    }).Dispose();
                    numLoaded++;
                }
                catch (EngineException e)
                {
                    bool names = e.Message.Length > 20 && e.Status is EngineStatus.CorruptData
                        or EngineStatus.Unsupported or EngineStatus.OutOfMemory or EngineStatus.InvalidArgument;
                    Assert.That(names, Is.True, $"seed {seed}, round {round}: {e.Status}: {e.Message}");
                }
                catch (Exception e) when (e is not AssertionException)
                {
                    Assert.Fail($"seed {seed}, round {round}: {e}");
                }
            }
        }
        finally
        {
            File.Delete(path);
        }
        Assert.That(numLoaded, Is.GreaterThan(0).And.LessThan(Rounds));
    }

    private static byte[] Mutate(byte[] good, Random random)
    {
        byte[] file = [.. good];
        switch (random.Next(4))
        {
            case 0: // a few bytes anywhere in the header
                for (int i = random.Next(1, 4); i > 0; i--) file[random.Next(2600)] = (byte)random.Next(256);
                return file;
            case 1: // a bit
                file[random.Next(2600)] ^= (byte)(1 << random.Next(8));
                return file;
            case 2: // the end is missing
                return file[..random.Next(file.Length)];
            default: // a number becomes an extreme one
                byte[] extreme = BitConverter.GetBytes(random.Next(3) switch { 0 => -1L, 1 => long.MaxValue, _ => 0L });
                extreme.AsSpan(0, random.Next(1, 9)).CopyTo(file.AsSpan(random.Next(2600)));
                return file;
        }
    }
}
