using System.Text;
using System.Text.Json;
using Engine.Tokenization;
using NUnit.Framework;

namespace Engine.Tests.Tokenization;

/// <summary>Compares a tokenizer with reference cases and says what differs.</summary>
internal static class ReferenceChecks
{
    public static int[] Ints(JsonElement element) =>
        [.. element.EnumerateArray().Select(item => item.GetInt32())];

    public static string[] Strings(JsonElement element) =>
        [.. element.EnumerateArray().Select(item => item.GetString()!)];

    /// <summary>ids, ids_no_special, tokens, offsets, decoded, decoded_skip_special.</summary>
    public static List<string> Cases(Tokenizer tokenizer, IEnumerable<JsonElement> cases)
    {
        List<string> failures = [];
        foreach (JsonElement row in cases)
        {
            string text = row.GetProperty("text").GetString()!;
            void Check(string what, string expected, string found)
            {
                if (expected != found)
                {
                    failures.Add($"{what} of {Show(text)}\n  expected {expected}\n  found    {found}");
                }
            }

            int[] ids = Ints(row.GetProperty("ids"));
            int[] plain = Ints(row.GetProperty("ids_no_special"));
            string[] offsets =
                [.. row.GetProperty("offsets").EnumerateArray().Select(pair => $"{pair[0]}-{pair[1]}")];
            TokenEncoding full = tokenizer.EncodeWithOffsets(text);
            Check("ids", Join(ids), Join(tokenizer.Encode(text)));
            Check("ids_no_special", Join(plain), Join(tokenizer.Encode(text, false)));
            Check("ids with offsets", Join(ids), Join(full.Ids));
            Check("tokens", Join(Strings(row.GetProperty("tokens"))), Join(full.Tokens));
            Check("offsets", Join(offsets), Join(full.Offsets.Select(o => $"{o.Start}-{o.End}")));
            Check("decoded", Text(row, "decoded"), Show(tokenizer.Decode(ids, false)));
            Check("decoded_skip_special", Text(row, "decoded_skip_special"),
                Show(tokenizer.Decode(ids, true)));
        }

        return failures;
    }

    public static List<string> Streaming(Tokenizer tokenizer, IEnumerable<JsonElement> cases)
    {
        List<string> failures = [];
        foreach (JsonElement row in cases)
        {
            bool skip = row.GetProperty("skip_special").GetBoolean();
            int[] ids = Ints(row.GetProperty("ids"));
            IIncrementalDetokenizer stream = tokenizer.CreateDetokenizer(skip);
            List<string> pieces = [.. ids.Select(stream.Append), stream.Flush()];
            string expected = Join(Strings(row.GetProperty("pieces")).Select(Show));
            string found = Join(pieces.Select(Show));
            if (expected != found)
            {
                failures.Add($"pieces of {Join(ids)}\n  expected {expected}\n  found    {found}");
            }
        }

        return failures;
    }

    public static List<string> Pairs(Tokenizer tokenizer, IEnumerable<JsonElement> cases)
    {
        List<string> failures = [];
        foreach (JsonElement row in cases)
        {
            string a = row.GetProperty("a").GetString()!;
            string b = row.GetProperty("b").GetString()!;
            TokenEncoding whole = tokenizer.EncodePair(a, b);
            TokenEncoding cut = tokenizer.EncodePair(
                a, b, maxLength: row.GetProperty("max_length").GetInt32());
            void Check(string name, IEnumerable<int> found)
            {
                string expected = Join(Ints(row.GetProperty(name)));
                if (expected != Join(found))
                {
                    failures.Add($"{name} of {Show(a)}, {Show(b)}\n  expected {expected}\n  found    "
                        + Join(found));
                }
            }

            Check("ids", whole.Ids);
            Check("type_ids", whole.TypeIds);
            Check("special_mask", whole.SpecialMask.Select(special => special ? 1 : 0));
            Check("truncated_ids", cut.Ids);
            Check("truncated_type_ids", cut.TypeIds);
        }

        return failures;
    }

    /// <summary>cases.sp.jsonl: what the sentencepiece library gives.</summary>
    public static List<string> SentencePiece(Tokenizer tokenizer, IEnumerable<JsonElement> cases)
    {
        List<string> failures = [];
        foreach (JsonElement row in cases)
        {
            string text = row.GetProperty("text").GetString()!;
            int[] ids = Ints(row.GetProperty("ids"));
            TokenEncoding full = tokenizer.EncodeWithOffsets(text, addSpecialTokens: false);
            Add(failures, "ids", text, Join(ids), Join(tokenizer.Encode(text, false)));
            Add(failures, "ids with offsets", text, Join(ids), Join(full.Ids));
            Add(failures, "pieces", text, Join(Strings(row.GetProperty("pieces")).Select(Show)),
                Join(full.Tokens.Select(Show)));
            Add(failures, "decoded", text, Text(row, "decoded"), Show(tokenizer.Decode(ids)));
        }

        return failures;
    }

    /// <summary>What the tiktoken library gives.</summary>
    public static List<string> Tiktoken(Tokenizer tokenizer, IEnumerable<JsonElement> cases)
    {
        List<string> failures = [];
        foreach (JsonElement row in cases)
        {
            string text = row.GetProperty("text").GetString()!;
            int[] ids = Ints(row.GetProperty("ids"));
            Add(failures, "ids", text, Join(ids), Join(tokenizer.Encode(text)));
            Add(failures, "ids_no_special", text, Join(Ints(row.GetProperty("ids_no_special"))),
                Join(tokenizer.EncodePlain(text)));
            Add(failures, "decoded", text, Text(row, "decoded"), Show(tokenizer.Decode(ids, false)));
        }

        return failures;
    }

    /// <summary>FILE.inp and FILE.out of a GGUF vocabulary: texts and ids without specials.</summary>
    public static List<string> Gguf(Tokenizer tokenizer, byte[] inp, byte[] expected)
    {
        string[] texts = Encoding.UTF8.GetString(inp).Split("\n__ggml_vocab_test__\n");
        string[] rows = Encoding.UTF8.GetString(expected).Split('\n');
        Assert.That(texts, Has.Length.GreaterThan(40));
        List<string> failures = [];
        for (int i = 0; i < texts.Length - (texts[^1].Length == 0 ? 1 : 0); i++)
        {
            string found = Join(tokenizer.Encode(texts[i], addSpecialTokens: false));
            Add(failures, "ids", texts[i], rows[i].Trim(), found);
        }

        return failures;
    }

    private static void Add(
        List<string> failures, string what, string text, string expected, string found)
    {
        if (expected != found)
        {
            failures.Add($"{what} of {Show(text)}\n  expected {expected}\n  found    {found}");
        }
    }

    public static void AssertNone(List<string> failures) =>
        Assert.That(failures, Is.Empty, $"{failures.Count} differ, first:\n"
            + string.Join('\n', failures.Take(4)));

    public static string Show(string text)
    {
        StringBuilder shown = new("\"");
        foreach (char c in text)
        {
            _ = c is >= ' ' and < (char)0x7F ? shown.Append(c) : shown.Append($"\\u{(int)c:x4}");
        }

        return shown.Append('"').ToString();
    }

    private static string Text(JsonElement row, string name) => Show(row.GetProperty(name).GetString()!);

    private static string Join<T>(IEnumerable<T> items) => string.Join(' ', items);
}
