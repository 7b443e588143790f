using System.Collections.Concurrent;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.Patterns;

/// <summary>The sets behind \p{...} and [:...:].</summary>
internal static class UnicodeProperties
{
    private static readonly string[] Short =
    [
        "lu", "ll", "lt", "lm", "lo", "mn", "mc", "me", "nd", "nl", "no", "zs", "zl", "zp", "cc",
        "cf", "cs", "co", "pc", "pd", "ps", "pe", "pi", "pf", "po", "sm", "sc", "sk", "so", "cn",
    ];

    private static readonly string[] Long =
    [
        "uppercaseletter", "lowercaseletter", "titlecaseletter", "modifierletter", "otherletter",
        "nonspacingmark", "spacingmark", "enclosingmark", "decimalnumber", "letternumber",
        "othernumber", "spaceseparator", "lineseparator", "paragraphseparator", "control",
        "format", "surrogate", "privateuse", "connectorpunctuation", "dashpunctuation",
        "openpunctuation", "closepunctuation", "initialpunctuation", "finalpunctuation",
        "otherpunctuation", "mathsymbol", "currencysymbol", "modifiersymbol", "othersymbol",
        "unassigned",
    ];

    private static readonly ConcurrentDictionary<string, CharSet?> Known = new();

    /// <summary>The set of a property, or null if the name is unknown.</summary>
    public static CharSet? Find(string name)
    {
        if (name.Length > 64)
        {
            return null;
        }

        string key = Loosen(name);
        foreach (string prefix in (ReadOnlySpan<string>)["generalcategory=", "gc=", "script=", "sc="])
        {
            key = key.StartsWith(prefix, StringComparison.Ordinal) ? key[prefix.Length..] : key;
        }

        // Only names that exist are remembered, so a file cannot fill the cache.
        if (Known.TryGetValue(key, out CharSet? known))
        {
            return known;
        }

        CharSet? made = Make(key);
        return made is null ? null : Known.GetOrAdd(key, made);
    }

    private static string Loosen(string name)
    {
        Span<char> text = stackalloc char[64];
        int length = 0;
        foreach (char c in name)
        {
            if (c is not ('_' or ' ' or '-'))
            {
                text[length++] = char.ToLowerInvariant(c);
            }
        }

        return new string(text[..length]);
    }

    private static CharSet? Make(string key)
    {
        int categories = key switch
        {
            "l" or "letter" => UnicodeClasses.Letter,
            "lc" or "casedletter" => 7,
            "m" or "mark" or "combiningmark" => UnicodeClasses.Mark,
            "n" or "number" => UnicodeClasses.Number,
            "p" or "punctuation" => UnicodeClasses.Punctuation,
            "s" or "symbol" => UnicodeClasses.Symbol,
            "z" or "separator" => UnicodeClasses.Separator,
            "c" or "other" => UnicodeClasses.Other,
            "digit" => 1 << 8,
            "cntrl" => 1 << 14,
            _ => 0,
        };
        int index = Array.IndexOf(Short, key);
        index = index < 0 ? Array.IndexOf(Long, key) : index;
        categories |= index >= 0 ? 1 << index : 0;
        return categories != 0
            ? CharSet.FromPredicate(c => UnicodeClasses.IsAny(c, categories))
            : MakeOther(key);
    }

    private static CharSet? MakeOther(string key) => key switch
    {
        "any" => CharSet.All,
        "ascii" => CharSet.Range(0, 0x7F),
        "space" or "whitespace" => CharSet.WhiteSpace,
        "blank" => CharSet.Range('\t', '\t').Union(
            CharSet.FromPredicate(c => UnicodeClasses.IsAny(c, 1 << 11))),
        "word" => CharSet.Word,
        "upper" or "uppercase" => CharSet.FromPredicate(c => UnicodeClasses.IsAny(c, 1)),
        "lower" or "lowercase" => CharSet.FromPredicate(c => UnicodeClasses.IsAny(c, 2)),
        "alpha" or "alphabetic" => Alphabetic(),
        "alnum" => Alphabetic().Union(CharSet.Digit),
        "punct" => CharSet.FromPredicate(UnicodeClasses.IsPunctuation),
        "xdigit" => CharSet.Range('0', '9').Union(CharSet.Range('a', 'f'))
            .Union(CharSet.Range('A', 'F')),
        _ => UnicodeScripts.Find(key),
    };

    private static CharSet Alphabetic() => CharSet.FromPredicate(c =>
        UnicodeClasses.IsAny(c, UnicodeClasses.Letter | (1 << 9))
        || UnicodeClasses.IsOtherAlphabeticSymbol(c));
}
