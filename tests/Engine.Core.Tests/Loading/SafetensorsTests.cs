using System.Text;
using Engine.Loading;

namespace Engine.Tests.Loading;

[TestFixture]
internal sealed class SafetensorsTests
{
    private const string Good =
        """{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"BF16","shape":[3],"data_offsets":[16,22]}}""";

    private static Dictionary<string, SafetensorsTensor> Parse(string json, long dataBytes = 22) =>
        SafetensorsHeader.Parse("f.safetensors", Encoding.UTF8.GetBytes(json), dataBytes);

    [Test]
    public void A_good_header_gives_its_tensors()
    {
        Dictionary<string, SafetensorsTensor> tensors = Parse(Good);
        Assert.That(tensors["b"].Offset, Is.EqualTo(16));
    }

    [Test]
    public void An_empty_tensor_is_legal()
    {
        Assert.That(
            Parse("""{"e":{"dtype":"F32","shape":[0,9223372036854775807,9],"data_offsets":[0,0]}}""", 0)["e"].Bytes,
            Is.Zero);
    }

    [Test]
    public void Metadata_and_trailing_spaces_are_legal()
    {
        Assert.That(Parse("""{"__metadata__":{"format":"pt"}}      """, 0), Is.Empty);
    }

    [TestCase("""{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}""", 20, "expected 16 bytes")]
    [TestCase("""{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}""", 15, "only 15 bytes")]
    [TestCase("""{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,16]}}""", 16, "is 24 bytes")]
    [TestCase("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[4,20]}}""", 20, "gap")]
    [TestCase("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}""",
        6, "overlap")]
    [TestCase("""{"a":{"dtype":"Q4","shape":[4],"data_offsets":[0,4]}}""", 4, "found 'Q4'")]
    [TestCase("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}}""",
        4, "occurs twice")]
    [TestCase("""{"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", 4, "occurs twice")]
    [TestCase("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1}}""", 4, "found 'x'")]
    [TestCase("""{"a":{"dtype":"U8","shape":[4]}}""", 4, "data_offsets is missing")]
    [TestCase("""{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}""", 4, "shape")]
    [TestCase("""{"a":{"dtype":"U8","shape":[4.5],"data_offsets":[0,4]}}""", 4, "shape")]
    [TestCase("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}""", 4, "[4, 0]")]
    [TestCase("""{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}""", 0, "2^63")]
    [TestCase("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "2^63")]
    [TestCase("""{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}""", 4, "only 4")]
    [TestCase("""{"a":{"dtype":"U8","shape":[[4]],"data_offsets":[0,4]}}""", 4, "shape")]
    [TestCase("""{"a":7}""", 0, "expected an object")]
    [TestCase("""{"__metadata__":{"a":7}}""", 0, "__metadata__")]
    [TestCase("""{"__metadata__":{},"__metadata__":{}}""", 0, "twice")]
    [TestCase(""" {}""", 0, "starts with '{'")]
    [TestCase("""{} x""", 0, "JSON")]
    [TestCase("""{"a":""", 0, "JSON")]
    [TestCase("", 0, "starts with '{'")]
    public void A_bad_header_is_an_error_that_says_what_is_wrong(string json, long dataBytes, string part)
    {
        EngineException e = Assert.Throws<EngineException>(() => Parse(json, dataBytes))!;
        Assert.That(e.Status, Is.EqualTo(EngineStatus.CorruptData));
        Assert.That(e.Message, Does.StartWith("f.safetensors: ").And.Contains(part));
    }

    [TestCase(0x7FFFFFFFFFFFFFFFL)]
    [TestCase(1L << 60)]
    [TestCase(1L << 32)]
    [TestCase(100_000_001L)]
    [TestCase(93L)]
    [TestCase(-1L)]
    public void A_header_length_beyond_the_file_is_refused_without_allocating(long length)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<EngineException>(
            () => SafetensorsHeader.ReadLength("f", 100, BitConverter.GetBytes(length)));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
    }

    [Test]
    public void A_pointer_of_git_lfs_is_called_that() => Assert.That(
        () => SafetensorsHeader.ReadLength("f", 130, "version "u8),
        Throws.TypeOf<EngineException>().With.Message.Contains("Git LFS pointer"));

    [Test]
    public void A_file_cut_at_any_byte_is_an_error()
    {
        byte[] header = Encoding.UTF8.GetBytes(Good);
        byte[] file = [.. BitConverter.GetBytes((long)header.Length), .. header, .. new byte[22]];
        string path = Path.GetTempFileName();
        try
        {
            for (int length = 0; length < file.Length; length++)
            {
                File.WriteAllBytes(path, file[..length]);
                EngineException e = Assert.Throws<EngineException>(() => SafetensorsFile.Open(path))!;
                Assert.That(e.Status, Is.EqualTo(EngineStatus.CorruptData), $"cut at {length}");
            }
            File.WriteAllBytes(path, file);
            using SafetensorsFile whole = SafetensorsFile.Open(path);
            Assert.That(whole.Tensors, Has.Count.EqualTo(2));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Test]
    public void Mutated_headers_are_read_or_refused_but_never_crash()
    {
        int seed = TestContext.CurrentContext.Random.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        Random random = new(seed);
        byte[] good = Encoding.UTF8.GetBytes(Good);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] json = [.. good];
            for (int n = random.Next(1, 5); n > 0; n--) json[random.Next(json.Length)] = (byte)random.Next(256);
            try
            {
                SafetensorsHeader.Parse("f", json, 22);
            }
            catch (EngineException e)
            {
                Assert.That(e.Status, Is.EqualTo(EngineStatus.CorruptData));
            }
        }
    }

    [Test]
    [CancelAfter(30_000)]
    public void A_header_of_many_entries_is_refused_in_bounded_time()
    {
        StringBuilder json = new("{");
        for (int i = 0; i <= SafetensorsHeader.NumTensorsMax; i++)
        {
            json.Append(System.Globalization.CultureInfo.InvariantCulture,
                $"\"{i}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}},");
        }
        json.Append("\"z\":{}}");
        EngineException e = Assert.Throws<EngineException>(() => Parse(json.ToString(), 0))!;
        Assert.That(e.Message, Does.Contain("more than"));
    }
}
