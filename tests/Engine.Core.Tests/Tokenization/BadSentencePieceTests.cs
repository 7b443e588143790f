using System.Text;
using Engine.Tokenization;

namespace Engine.Tests.Tokenization;

/// <summary>Vocabularies that the original libraries refuse, and would here mean something else.</summary>
internal sealed class BadSentencePieceTests
{
    private const int Normal = 1, Unknown = 2, Byte = 6;
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-sentencepiece").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void AWholeModelLoads() => Assert.That(Load(Whole(), true).Encode("a"), Is.Not.Empty);

    [Test]
    public void ASpellingTwiceIsRefused() => Refuses([.. Whole(), ("a", Normal)], true, "piece 258", "\"a\"");

    [Test]
    public void APieceWithoutSpellingIsRefused() => Refuses([.. Whole(), ("", Normal)], true, "piece 258", "none");

    [Test]
    public void BytesThatAreNotAllThereAreRefused() =>
        Refuses([.. Whole().Where(p => p.Piece != "<0x41>")], true, "byte_fallback", "255");

    [Test]
    public void AByteThatIsNoneIsRefused() => Refuses([.. Whole(), ("<0x4G>", Byte)], true, "piece 258", "<0x4G>");

    [Test]
    public void BytesWithoutByteFallbackAreRefused() => Refuses(Whole(), false, "piece 1", "byte_fallback");

    [TestCase(0)]
    [TestCase(2)]
    public void OnePieceMustBeUnknown(int count)
    {
        List<(string, int)> pieces = [("a", Normal)];
        for (int i = 0; i < count; i++) pieces.Add(($"<unk{i}>", Unknown));
        Refuses(pieces, false, "unknown", $"{count}");
    }

    [TestCase("YQ== 0\nYQ== 1\n", "line 2")]
    [TestCase("YQ== 0\nYg== 0\n", "line 2")]
    [TestCase("YQ== 0\n 1\n", "line 2")]
    [TestCase("YQ== 0\nYg== -1\n", "line 2")]
    [TestCase("YQ== 0\nY 1\n", "line 2")]
    public void RanksOfTiktokenMustBeOfOneTokenEach(string ranks, string line)
    {
        string file = Path.Combine(_folder, "v.tiktoken");
        File.WriteAllText(file, ranks);
        Assert.That(
            () => TokenizerLoader.Load(file),
            Throws.TypeOf<EngineException>().With.Property("Status").EqualTo(EngineStatus.CorruptData)
                .And.Message.Contains(line));
    }

    private static List<(string Piece, int Kind)> Whole() =>
        [("<unk>", Unknown), .. Enumerable.Range(0, 256).Select(b => ($"<0x{b:X2}>", Byte)), ("a", Normal)];

    private void Refuses(List<(string Piece, int Kind)> pieces, bool byteFallback, string name, string found) =>
        Assert.That(
            () => Load(pieces, byteFallback),
            Throws.TypeOf<EngineException>().With.Property("Status").EqualTo(EngineStatus.CorruptData)
                .And.Message.Contains(name).And.Message.Contains(found).And.Message.Contains("tokenizer.model"));

    private Tokenizer Load(List<(string Piece, int Kind)> pieces, bool byteFallback)
    {
        MemoryStream model = new();
        foreach ((string piece, int kind) in pieces)
        {
            MemoryStream message = new();
            Field(message, 1, Encoding.UTF8.GetBytes(piece));
            message.Write([(3 << 3) | 0, (byte)kind]);
            Field(model, 1, message.ToArray());
        }

        // trainer_spec: model_type BPE, byte_fallback (field 35).
        Field(model, 2, [(3 << 3) | 0, 2, 0x98, 0x02, byteFallback ? (byte)1 : (byte)0]);
        string file = Path.Combine(_folder, "tokenizer.model");
        File.WriteAllBytes(file, model.ToArray());
        return TokenizerLoader.Load(file);
    }

    private static void Field(MemoryStream to, int number, byte[] bytes)
    {
        to.WriteByte((byte)((number << 3) | 2));
        to.WriteByte((byte)bytes.Length);
        to.Write(bytes);
    }
}
