using System.Collections.Concurrent;
using System.Globalization;

namespace Engine.Grammar;

/// <summary>Unicode's general categories, by the names that expressions use for them.</summary>
internal static class UnicodeCategories
{
    // In the order of the enumeration.
    private static readonly string[] Short =
    [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co",
        "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Cn",
    ];

    private static readonly Dictionary<string, string> Long = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Letter"] = "L",
        ["Mark"] = "M",
        ["Number"] = "N",
        ["Punctuation"] = "P",
        ["Symbol"] = "S",
        ["Separator"] = "Z",
        ["Other"] = "C",
        ["Uppercase_Letter"] = "Lu",
        ["Lowercase_Letter"] = "Ll",
        ["Titlecase_Letter"] = "Lt",
        ["Modifier_Letter"] = "Lm",
        ["Other_Letter"] = "Lo",
        ["Decimal_Number"] = "Nd",
        ["digit"] = "Nd",
        ["punct"] = "P",
        ["Space_Separator"] = "Zs",
        ["Math_Symbol"] = "Sm",
        ["Currency_Symbol"] = "Sc",
        ["Control"] = "Cc",
    };

    private static readonly ConcurrentDictionary<string, CharSet> Known = new();

    /// <summary>The code points of a category, or null if there is none of that name.</summary>
    public static CharSet? Find(string name)
    {
        string prefix = Long.GetValueOrDefault(name, name);
        return prefix.Length is 1 or 2 && Short.Any(one => one.StartsWith(prefix, StringComparison.Ordinal))
            ? Known.GetOrAdd(prefix, Collect)
            : null;
    }

    private static CharSet Collect(string prefix)
    {
        var ranges = new List<(int, int)>();
        int from = -1;
        for (int point = 0; point <= 0x110000; point++)
        {
            bool isIn = point is < 0xD800 or (> 0xDFFF and < 0x110000)
                && Short[(int)CharUnicodeInfo.GetUnicodeCategory(point)].StartsWith(prefix, StringComparison.Ordinal);
            if (isIn && from < 0)
            {
                from = point;
            }
            else if (!isIn && from >= 0)
            {
                ranges.Add((from, point - 1));
                from = -1;
            }
        }

        return CharSet.Of(ranges);
    }
}
