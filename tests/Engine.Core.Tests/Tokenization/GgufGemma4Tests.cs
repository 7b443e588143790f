using System.Text.Json;
using Engine.Tests.Loading.Gguf;
using Engine.Tokenization;

namespace Engine.Tests.Tokenization;

/// <summary>Gemma 4's tokenizer out of a GGUF file against the tokenizer.json that it is made from.</summary>
internal sealed class GgufGemma4Tests
{
    private static readonly string[] Pieces =
    [
        "\u2581", "a", "b", "h", "e", "l", "o", "\n", "\u2581h", "el", "lo", "\u2581hel", "\u2581hello", "ab", "\n\n",
        "\n\n\n", "\u2581\u2581", "\u2581a", "ä",
    ];

    private static readonly string[] Merges =
    [
        "\n \n", "\n \n\n", "\n\n \n", "\u2581 \u2581", "e l", "l o", "\u2581 h", "\u2581h el", "\u2581hel lo", "a b",
        "\u2581 a",
    ];

    private string _folder = "";

    private static string[] Tokens =>
    [
        "<pad>", "<eos>", "<bos>", "<unk>", "<|turn>", "<|tool_call>",
        .. Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>"), .. Pieces,
    ];

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-gemma4-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Texts_have_the_tokens_that_the_json_gives_them(
        [Values("gemma4", "gpt2")] string model,
        [Values("hello hello", "  ab a\n\n\nhello\n\n\n\n x", "ä€ <0x41> z\n", "<|turn> hello<|tool_call>ab", "\n", "")]
        string text)
    {
        Tokenizer found = FromGguf(model), expected = FromJson();
        int[] ids = found.Encode(text);
        Assert.That(ids, Is.EqualTo(expected.Encode(text)));
        Assert.That(found.Decode(ids), Is.EqualTo(expected.Decode(ids)));
        Assert.That(ids[0], Is.EqualTo(2), "begins with <bos>");
    }

    private Tokenizer FromGguf(string model)
    {
        GgufWriter gguf = TinyGguf.Metadata().Text("tokenizer.ggml.model", model);
        if (model == "gpt2") gguf.Text("tokenizer.ggml.pre", "gemma4");
        gguf.Texts("tokenizer.ggml.tokens", Tokens).Texts("tokenizer.ggml.merges", Merges);
        gguf.Integers("tokenizer.ggml.token_type", [.. Tokens.Select(Kind)]);
        gguf.Integer("tokenizer.ggml.bos_token_id", 2).Integer("tokenizer.ggml.eos_token_id", 1);
        gguf.Flag("tokenizer.ggml.add_space_prefix", false);
        string file = Path.Combine(_folder, "model.gguf");
        File.WriteAllBytes(file, gguf.AddTensors().ToBytes());
        return TokenizerLoader.Load(file);
    }

    private static int Kind(string token) => token switch
    {
        "<unk>" => 2,
        "<pad>" or "<eos>" or "<bos>" or "<|turn>" => 3,
        "<|tool_call>" => 4,
        _ => token.StartsWith("<0x", StringComparison.Ordinal) ? 6 : 1,
    };

    // As the family's tokenizer.json has it.
    private Tokenizer FromJson()
    {
        string[] tokens = Tokens;
        var added = tokens.Take(6).Select((t, i) => new
        {
            id = i,
            content = t,
            single_word = false,
            lstrip = false,
            rstrip = false,
            normalized = false,
            special = t != "<|tool_call>",
        });
        var json = new
        {
            version = "1.0",
            added_tokens = added,
            normalizer = new { type = "Replace", pattern = new { String = " " }, content = "\u2581" },
            pre_tokenizer = new
            {
                type = "Split",
                pattern = new { String = " " },
                behavior = "MergedWithPrevious",
                invert = false,
            },
            post_processor = new
            {
                type = "TemplateProcessing",
                single = new object[]
                {
                    new { SpecialToken = new { id = "<bos>", type_id = 0 } },
                    new { Sequence = new { id = "A", type_id = 0 } },
                },
                pair = new object[] { new { Sequence = new { id = "A", type_id = 0 } } },
                special_tokens = new Dictionary<string, object>
                {
                    ["<bos>"] = new { id = "<bos>", ids = new[] { 2 }, tokens = new[] { "<bos>" } },
                },
            },
            decoder = new
            {
                type = "Sequence",
                decoders = new object[]
                {
                    new { type = "Replace", pattern = new { String = "\u2581" }, content = " " },
                    new { type = "ByteFallback" }, new { type = "Fuse" },
                },
            },
            model = new
            {
                type = "BPE",
                unk_token = "<unk>",
                fuse_unk = true,
                byte_fallback = true,
                ignore_merges = false,
                vocab = tokens.Select((t, i) => (t, i)).ToDictionary(p => p.t, p => p.i),
                merges = Merges.Select(m => m.Split(' ')),
            },
        };
        string file = Path.Combine(_folder, "tokenizer.json");
        File.WriteAllText(file, JsonSerializer.Serialize(json));
        return TokenizerLoader.Load(_folder);
    }
}
