using System.Text;
using Engine.Loading;
using Engine.Tokenization;
using NUnit.Framework;

namespace Engine.Tests.Tokenization;

/// <summary>Broken files give an EngineException and nothing else.</summary>
internal sealed class HostileFileTests
{
    private const int Seed = 1234;

    private static readonly string[] _folders =
        ["small-char-bpe", "small-clip", "small-sp-bpe", "added-tokens/plain"];

    [TestCaseSource(nameof(_folders))]
    public void AMutatedTokenizerJsonLoadsOrFailsCleanly(string name)
    {
        byte[] original = new ReferenceFolder(Path.Combine(ReferenceFolder.Committed, name))
            .Read("tokenizer.json");
        Random random = new(Seed);
        for (int n = 0; n < 120; n++)
        {
            byte[] mutated = Mutate(original, random, structured: true);
            LoadAndUse(() => TokenizerLoader.LoadJson(mutated, "tokenizer.json"), n);
        }
    }

    [TestCase("small-sp-bpe")]
    [TestCase("small-unigram-t5")]
    public void AMutatedSentencePieceModelLoadsOrFailsCleanly(string name)
    {
        byte[] original = new ReferenceFolder(Path.Combine(ReferenceFolder.Committed, name))
            .Read("tokenizer.model");
        string folder = Directory.CreateTempSubdirectory("engine-tokenizer-").FullName;
        string file = Path.Combine(folder, "tokenizer.model");
        Random random = new(Seed);
        for (int n = 0; n < 40; n++)
        {
            File.WriteAllBytes(file, Mutate(original, random, structured: false));
            LoadAndUse(() => TokenizerLoader.Load(file), n);
        }

        Directory.Delete(folder, recursive: true);
    }

    [Test]
    public void AMutatedGgufLoadsOrFailsCleanly()
    {
        byte[] original = new ReferenceFolder(Path.Combine(ReferenceFolder.Committed, "gguf"))
            .Read("ggml-vocab-llama-spm.gguf");
        Random random = new(Seed);
        for (int n = 0; n < 25; n++)
        {
            byte[] mutated = Mutate(original, random, structured: false);
            LoadAndUse(() => TokenizerLoader.Load(
                GgufReader.Read(new MemoryStream(mutated), "test.gguf")), n);
        }
    }

    [Test]
    public void DeeplyNestedJsonIsRefused()
    {
        string json = "{\"model\":" + new string('[', 100_000) + new string(']', 100_000) + "}";
        Assert.That(
            () => TokenizerLoader.LoadJson(Encoding.UTF8.GetBytes(json), "tokenizer.json"),
            Throws.TypeOf<EngineException>().With.Property("Status")
                .EqualTo(EngineStatus.CorruptData));
    }

    [TestCase("\"vocab\":{\"a\":-1}", TestName = "ANegativeIdIsRefused")]
    [TestCase("\"vocab\":{\"a\":2147483647}", TestName = "AnAbsurdIdIsRefused")]
    [TestCase("\"vocab\":{\"a\":1e3}", TestName = "AFractionalIdIsRefused")]
    [TestCase("\"vocab\":[]", TestName = "AVocabularyOfTheWrongTypeIsRefused")]
    public void BadVocabulary(string vocabulary)
    {
        string json = "{\"model\":{\"type\":\"BPE\"," + vocabulary + ",\"merges\":[]}}";
        Assert.That(
            () => TokenizerLoader.LoadJson(Encoding.UTF8.GetBytes(json), "tokenizer.json"),
            Throws.TypeOf<EngineException>().With.Message.Contains("tokenizer.json"));
    }

    [Test]
    public void AFolderWithoutTokenizerIsNotFound()
    {
        string folder = Directory.CreateTempSubdirectory("engine-tokenizer-").FullName;
        Assert.That(() => TokenizerLoader.Load(folder), Throws.TypeOf<EngineException>()
            .With.Property("Status").EqualTo(EngineStatus.NotFound));
        Directory.Delete(folder);
    }

    private static void LoadAndUse(Func<Tokenizer> load, int number)
    {
        try
        {
            Tokenizer tokenizer = load();
            int[] ids = tokenizer.Encode("Hello <t1> w\u00f6rld 123\n \ud83d\ude00 Tok3x");
            tokenizer.Decode(ids);
            IIncrementalDetokenizer stream = tokenizer.CreateDetokenizer(true);
            Array.ForEach(ids, id => stream.Append(id));
            stream.Flush();
        }
        catch (EngineException)
        {
            // The one way to fail.
        }
        catch (Exception e)
        {
            Assert.Fail($"seed {Seed}, file {number}: {e}");
        }
    }

    private static byte[] Mutate(byte[] original, Random random, bool structured)
    {
        List<byte> bytes = [.. original];
        byte[] signs = "{}[]\",:0-9.ntf\\"u8.ToArray();

        // The head of the file holds the structure, the rest is mostly vocabulary.
        int reach = structured && random.Next(2) == 0 ? Math.Min(3000, bytes.Count) : bytes.Count;
        for (int i = random.Next(1, 4); i > 0 && bytes.Count > 8; i--)
        {
            int at = random.Next(Math.Min(reach, bytes.Count));
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] = structured ? signs[random.Next(signs.Length)] : (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 40), bytes.Count - at));
                    break;
                case 2:
                    bytes.Insert(at, signs[random.Next(signs.Length)]);
                    break;
                default:
                    bytes.RemoveRange(random.Next(2) == 0 ? at : bytes.Count - 1,
                        1);
                    break;
            }
        }

        return [.. bytes];
    }
}
