using Engine.Tokenization;
using NUnit.Framework;

namespace Engine.Tests.Tokenization;

/// <summary>All of the reference data, where the variable says where it is.</summary>
[Explicit("Needs the full reference data; set ENGINE_TOKENIZER_DATA to its folder.")]
internal sealed class AllReferenceDataTests
{
    private static IEnumerable<string> Folders(string file)
    {
        string? root = ReferenceFolder.External;
        string hf = root is null ? "" : Path.Combine(root, "hf");
        return !Directory.Exists(hf) ? []
            : Directory.GetDirectories(hf).Where(f => File.Exists(Path.Combine(f, file)))
                .Select(f => Path.GetFileName(f)!).Order();
    }

    private static IEnumerable<string> WithTokenizerJson() => Folders("tokenizer.json");

    private static IEnumerable<string> WithStreaming() => Folders("streaming.jsonl");

    private static IEnumerable<string> WithPairs() => Folders("pairs.jsonl");

    private static IEnumerable<string> WithSentencePiece() => Folders("cases.sp.jsonl");

    private static IEnumerable<string> WithTiktoken() => Folders("vocab.tiktoken");

    private static IEnumerable<string> GgufFiles()
    {
        string? root = ReferenceFolder.External;
        string folder = root is null ? "" : Path.Combine(root, "gguf");
        return !Directory.Exists(folder) ? []
            : Directory.GetFiles(folder, "*.gguf").Select(f => Path.GetFileName(f)!).Order();
    }

    private static ReferenceFolder Folder(string name) =>
        new(Path.Combine(ReferenceFolder.External!, "hf", name));

    [TestCaseSource(nameof(WithTokenizerJson))]
    public void EncodesAndDecodesAsTheReference(string name)
    {
        ReferenceFolder folder = Folder(name);
        Tokenizer tokenizer = TokenizerLoader.Load(folder.Path);
        ReferenceChecks.AssertNone(
            ReferenceChecks.Cases(tokenizer, folder.ReadLines("cases.jsonl")));
    }

    [TestCaseSource(nameof(WithStreaming))]
    public void StreamsAsTheReference(string name)
    {
        ReferenceFolder folder = Folder(name);
        Tokenizer tokenizer = TokenizerLoader.Load(folder.Path);
        ReferenceChecks.AssertNone(
            ReferenceChecks.Streaming(tokenizer, folder.ReadLines("streaming.jsonl")));
    }

    [TestCaseSource(nameof(WithPairs))]
    public void EncodesPairsAsTheReference(string name)
    {
        ReferenceFolder folder = Folder(name);
        Tokenizer tokenizer = TokenizerLoader.Load(folder.Path);
        ReferenceChecks.AssertNone(
            ReferenceChecks.Pairs(tokenizer, folder.ReadLines("pairs.jsonl")));
    }

    [TestCaseSource(nameof(WithSentencePiece))]
    public void ReadsSentencePieceModelsAsTheLibrary(string name)
    {
        ReferenceFolder folder = Folder(name);
        Tokenizer tokenizer = TokenizerLoader.Load(Path.Combine(folder.Path, "tokenizer.model"));
        ReferenceChecks.AssertNone(
            ReferenceChecks.SentencePiece(tokenizer, folder.ReadLines("cases.sp.jsonl")));
    }

    [TestCaseSource(nameof(WithTiktoken))]
    public void ReadsRankFilesAsTiktoken(string name)
    {
        ReferenceFolder folder = Folder(name);
        Tokenizer tokenizer = TokenizerLoader.Load(folder.Path);
        ReferenceChecks.AssertNone(
            ReferenceChecks.Tiktoken(tokenizer, folder.ReadLines("cases.jsonl")));
    }

    [TestCaseSource(nameof(GgufFiles))]
    public void ReadsGgufVocabulariesAsLlamaCpp(string name)
    {
        string path = Path.Combine(ReferenceFolder.External!, "gguf", name);
        Tokenizer tokenizer = TokenizerLoader.Load(path);
        ReferenceChecks.AssertNone(ReferenceChecks.Gguf(
            tokenizer, File.ReadAllBytes(path + ".inp"), File.ReadAllBytes(path + ".out")));
    }

    [TestCase("plain")]
    [TestCase("lowercase")]
    [TestCase("nfc-prepend")]
    public void FindsAddedTokensAsTheReference(string name)
    {
        ReferenceFolder folder = Folder(Path.Combine("added-tokens", name));
        Tokenizer tokenizer = TokenizerLoader.Load(folder.Path);
        using System.Text.Json.JsonDocument cases =
            System.Text.Json.JsonDocument.Parse(folder.Read("added_tokens.json"));
        ReferenceChecks.AssertNone(ReferenceChecks.Cases(
            tokenizer, cases.RootElement.GetProperty("cases").EnumerateArray()));
    }
}
