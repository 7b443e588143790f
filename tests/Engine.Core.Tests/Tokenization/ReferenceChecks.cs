using System.Text.Json;
using System.Text;
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
