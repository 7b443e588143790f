using System.Diagnostics;
using System.Text;
using Engine.Tokenization;
using NUnit.Framework;

namespace Engine.Tests.Tokenization;

/// <summary>A million characters of anything take seconds at most, and any UTF-16 is accepted.</summary>
internal sealed class HostileTextTests
{
    private const int Length = 1_000_000;

    // Quadratic work on a million characters takes minutes; this allows for a busy machine.
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(20);

    private static readonly string[] _tokenizers =
    [
        "llama-bpe", "deepseek-llm", "llama-spm-legacy", "bert-bge", "small-unigram-t5",
        "small-clip", "small-whisper", "added-tokens/plain",
    ];

    private static readonly string[] _units =
        ["a", "^", " ", "\n", " a", "\u0301", "\u00e9", "1", "'s", "\ud83d\ude00", "\u6f22", "<|", "\r\n "];

    private static IEnumerable<TestCaseData> Cases() =>
        from name in _tokenizers
        from unit in _units
        select new TestCaseData(name, unit).SetArgDisplayNames(
            name, string.Join('-', unit.Select(c => $"{(int)c:x4}")));

    [TestCaseSource(nameof(Cases))]
    public void AMillionOfTheSameTakesNearLinearTime(string name, string unit)
    {
        Tokenizer tokenizer = ReferenceDataTests.Load(name).Tokenizer;
        string text = new StringBuilder().Insert(0, unit, Length / unit.Length).ToString();
        Stopwatch watch = Stopwatch.StartNew();
        tokenizer.Encode(text);
        Assert.That(watch.Elapsed, Is.LessThan(_limit));
    }

    [TestCaseSource(nameof(_tokenizers))]
    public void RandomTextGivesTheSameIdsWithAndWithoutOffsets(string name)
    {
        const int Seed = 20261121;
        Random random = new(Seed);
        Tokenizer tokenizer = ReferenceDataTests.Load(name).Tokenizer;
        for (int n = 0; n < 150; n++)
        {
            string text = RandomText(random, 60);
            Assert.That(tokenizer.Encode(text), Is.EqualTo(tokenizer.EncodeWithOffsets(text).Ids),
                $"seed {Seed}, text {n}: {ReferenceChecks.Show(text)}");
        }
    }

    [TestCase("llama-bpe")]
    [TestCase("small-whisper")]
    public void RandomTextSurvivesARoundTripThroughBytes(string name)
    {
        const int Seed = 4711;
        Random random = new(Seed);
        Tokenizer tokenizer = ReferenceDataTests.Load(name).Tokenizer;
        for (int n = 0; n < 300; n++)
        {
            string text = RandomText(random, 60);
            string wellFormed = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
            Assert.That(tokenizer.Decode(tokenizer.Encode(text, false), false),
                Is.EqualTo(wellFormed), $"seed {Seed}, text {n}: {ReferenceChecks.Show(text)}");
        }
    }

    [TestCase("llama-bpe")]
    [TestCase("qwen2")]
    [TestCase("llama-spm-legacy")]
    [TestCase("bert-bge")]
    [TestCase("small-unigram-bytes")]
    [TestCase("small-clip")]
    [TestCase("small-whisper")]
    [TestCase("added-tokens/plain")]
    [TestCase("small-tiktoken-o200k")]
    public void PlainTextNeverBecomesASpecialToken(string name)
    {
        Tokenizer tokenizer = ReferenceDataTests.Load(name).Tokenizer;
        foreach (AddedToken token in tokenizer.AddedTokens.Where(token => token.Special).Take(400))
        {
            foreach (string text in (string[])[token.Content, $" {token.Content}", $"a{token.Content}b"])
            {
                int[] special = [.. tokenizer.EncodePlain(text).Where(tokenizer.IsSpecial)
                    .Where(id => tokenizer.IdToToken(id) is not ("<unk>" or "[UNK]"))];
                Assert.That(special, Is.Empty, ReferenceChecks.Show(text));
            }
        }
    }

    [Test]
    public void TenThousandAddedTokensDoNotSlowEncoding()
    {
        StringBuilder added = new();
        for (int i = 0; i < 10_000; i++)
        {
            added.Append(i == 0 ? "" : ",").Append(
                $"{{\"id\":{i + 3},\"content\":\"<tok{i}>\",\"special\":true}}");
        }

        string json = "{\"added_tokens\":[" + added
            + "],\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"<\":1,\"t\":2},\"merges\":[]}}";
        Tokenizer tokenizer = TokenizerLoader.LoadJson(Encoding.UTF8.GetBytes(json), "test.json");
        Stopwatch watch = Stopwatch.StartNew();
        tokenizer.Encode(new StringBuilder().Insert(0, "<tok", Length / 4).ToString());
        Assert.That(watch.Elapsed, Is.LessThan(_limit));
    }

    internal static string RandomText(Random random, int most)
    {
        StringBuilder text = new();
        int count = random.Next(most);
        for (int i = 0; i < count; i++)
        {
            text.Append(random.Next(8) switch
            {
                0 => (char)random.Next(0x20),
                1 => ' ',
                2 => (char)random.Next(0x80, 0x800),
                3 => (char)random.Next(0x800, 0x10000),
                4 => char.ConvertFromUtf32(0x1F300 + random.Next(0x300)),
                5 => (char)random.Next(0x300, 0x370),
                _ => (char)random.Next(0x21, 0x7F),
            });
        }

        return text.ToString();
    }
}
