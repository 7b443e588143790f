using System.Text.Json;
using Engine.Tokenization;
using NUnit.Framework;

namespace Engine.Tests.Tokenization;

/// <summary>The committed part of the reference data.</summary>
internal sealed class ReferenceDataTests
{
    private static readonly Dictionary<string, (ReferenceFolder, Tokenizer)> _loaded = [];

    private static IEnumerable<string> Folders(string file) =>
        Directory.GetFiles(ReferenceFolder.Committed, file + ".br", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(
                ReferenceFolder.Committed, Path.GetDirectoryName(path)!)).Order();

    private static IEnumerable<string> WithCases() =>
        Folders("cases.jsonl").Where(name => !name.Contains("tiktoken"));

    private static IEnumerable<string> WithTiktoken() => Folders("vocab.tiktoken");

    private static IEnumerable<string> WithStreaming() => Folders("streaming.jsonl");

    private static IEnumerable<string> WithPairs() => Folders("pairs.jsonl");

    private static IEnumerable<string> WithAddedTokens() => Folders("added_tokens.json");

    private static IEnumerable<string> WithSentencePiece() => Folders("cases.sp.jsonl");

    private static IEnumerable<string> Gguf() =>
        Directory.GetFiles(Path.Combine(ReferenceFolder.Committed, "gguf"), "*.gguf.br")
            .Select(path => Path.GetFileName(path)[..^3]).Order();

    [TestCaseSource(nameof(WithCases))]
    public void EncodesAndDecodesAsTheReference(string name)
    {
        (ReferenceFolder folder, Tokenizer tokenizer) = Load(name);
        ReferenceChecks.AssertNone(
            ReferenceChecks.Cases(tokenizer, folder.ReadLines("cases.jsonl")));
    }

    [TestCaseSource(nameof(WithStreaming))]
    public void StreamsAsTheReference(string name)
    {
        (ReferenceFolder folder, Tokenizer tokenizer) = Load(name);
        ReferenceChecks.AssertNone(
            ReferenceChecks.Streaming(tokenizer, folder.ReadLines("streaming.jsonl")));
    }

    [TestCaseSource(nameof(WithCases))]
    public void StreamsRandomIdsByTheRule(string name) =>
        StreamingRule.AssertHolds(Load(name).Tokenizer, seed: 7, count: 60);

    [TestCaseSource(nameof(WithPairs))]
    public void EncodesPairsAsTheReference(string name)
    {
        (ReferenceFolder folder, Tokenizer tokenizer) = Load(name);
        ReferenceChecks.AssertNone(
            ReferenceChecks.Pairs(tokenizer, folder.ReadLines("pairs.jsonl")));
    }

    [TestCaseSource(nameof(WithAddedTokens))]
    public void FindsAddedTokensAsTheReference(string name)
    {
        (ReferenceFolder folder, Tokenizer tokenizer) = Load(name);
        using JsonDocument cases = JsonDocument.Parse(folder.Read("added_tokens.json"));
        ReferenceChecks.AssertNone(ReferenceChecks.Cases(
            tokenizer, cases.RootElement.GetProperty("cases").EnumerateArray()));
    }

    [TestCaseSource(nameof(WithSentencePiece))]
    public void ReadsSentencePieceModelsAsTheLibrary(string name)
    {
        ReferenceFolder folder = new(Path.Combine(ReferenceFolder.Committed, name));
        string unpacked = folder.Unpack();
        Tokenizer tokenizer = TokenizerLoader.Load(Path.Combine(unpacked, "tokenizer.model"));
        Directory.Delete(unpacked, recursive: true);
        ReferenceChecks.AssertNone(
            ReferenceChecks.SentencePiece(tokenizer, folder.ReadLines("cases.sp.jsonl")));
    }

    [TestCaseSource(nameof(WithTiktoken))]
    public void ReadsRankFilesAsTiktoken(string name)
    {
        (ReferenceFolder folder, Tokenizer tokenizer) = Load(name);
        ReferenceChecks.AssertNone(
            ReferenceChecks.Tiktoken(tokenizer, folder.ReadLines("cases.jsonl")));
    }

    [TestCaseSource(nameof(Gguf))]
    public void ReadsGgufVocabulariesAsLlamaCpp(string name)
    {
        ReferenceFolder folder = new(Path.Combine(ReferenceFolder.Committed, "gguf"));
        using MemoryStream stream = new(folder.Read(name));
        Tokenizer tokenizer = TokenizerLoader.Load(Engine.Loading.GgufReader.Read(stream, name));
        ReferenceChecks.AssertNone(ReferenceChecks.Gguf(
            tokenizer, folder.Read(name + ".inp"), folder.Read(name + ".out")));
    }

    internal static (ReferenceFolder Folder, Tokenizer Tokenizer) Load(string name)
    {
        lock (_loaded)
        {
            if (!_loaded.TryGetValue(name, out (ReferenceFolder, Tokenizer) known))
            {
                ReferenceFolder folder = new(Path.Combine(ReferenceFolder.Committed, name));
                string unpacked = folder.Unpack();
                known = (folder, TokenizerLoader.Load(unpacked));
                Directory.Delete(unpacked, recursive: true);
                _loaded.Add(name, known);
            }

            return known;
        }
    }
}
