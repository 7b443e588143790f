using Engine.Loading;

namespace Engine.Tests.Loading.Gguf;

internal sealed class GgufByteOrderTests
{
    [Test]
    public void A_big_endian_file_is_refused_as_one()
    {
        byte[] bytes = [.. "GGUF"u8, 0, 0, 0, 3, .. new byte[16]];
        Assert.That(
            () => GgufReader.Read(new MemoryStream(bytes), "big.gguf"),
            Throws.TypeOf<EngineException>().With.Property("Status").EqualTo(EngineStatus.Unsupported)
                .And.Message.Contains("big-endian"));
    }
}
