using System.Globalization;
using System.Text;

namespace Engine.Tokenization.Text;

/// <summary>Character classes over code points, as the tokenizers' rules use them.</summary>
internal static class UnicodeClasses
{
    public const int Letter = 0x1F;
    public const int Mark = 0x7 << 5;
    public const int Number = 0x7 << 8;

    // .NET's order of categories: Lu Ll Lt Lm Lo, Mn Mc Me, Nd Nl No, Zs Zl Zp, Cc Cf Cs Co,
    // Pc Pd Ps Pe Pi Pf Po, Sm Sc Sk So, Cn.
    public const int Punctuation = 0x7F << 18;
    public const int Symbol = 0xF << 25;
    public const int Separator = 0x7 << 11;
    public const int Other = (0xF << 14) | (1 << 29);

    private static readonly byte[] Categories = MakeCategories();

    public static UnicodeCategory Category(int c) => (UnicodeCategory)Categories[c];

    /// <summary>True if the category of c is one of the bits.</summary>
    public static bool IsAny(int c, int categories) => ((1 << Categories[c]) & categories) != 0;

    public static bool IsLetter(int c) => IsAny(c, Letter);

    public static bool IsNumber(int c) => IsAny(c, Number);

    /// <summary>The White_Space property.</summary>
    public static bool IsWhiteSpace(int c) => c switch
    {
        < 0x80 => c == ' ' || (uint)(c - 9) <= 4,
        0x85 or 0xA0 or 0x1680 or 0x2028 or 0x2029 or 0x202F or 0x205F or 0x3000 => true,
        _ => (uint)(c - 0x2000) <= 0xA,
    };

    /// <summary>Punctuation of Unicode, and every ASCII sign.</summary>
    public static bool IsPunctuation(int c) =>
        c < 0x80 ? c > ' ' && c != 0x7F && !char.IsAsciiLetterOrDigit((char)c)
                 : IsAny(c, Punctuation);

    /// <summary>Alphabetic, marks, decimal digits, connectors and joiners: \w.</summary>
    public static bool IsWord(int c) =>
        IsAny(c, Letter | Mark | (3 << 8) | (1 << 18)) || c is 0x200C or 0x200D
        || IsOtherAlphabeticSymbol(c);

    // Circled and squared letters: symbols by category, yet alphabetic.
    public static bool IsOtherAlphabeticSymbol(int c) =>
        (uint)(c - 0x24B6) <= 0x33 || (uint)(c - 0x1F130) <= 0x19 || (uint)(c - 0x1F150) <= 0x19
        || (uint)(c - 0x1F170) <= 0x19;

    /// <summary>Simple lower case, without language rules.</summary>
    public static int ToLower(int c) => c < 0x80
        ? (uint)(c - 'A') <= 25 ? c | 0x20 : c
        : c == 0x212A ? 'k' // the Kelvin sign: .NET maps nothing into ASCII
        : Rune.IsValid(c) ? Rune.ToLowerInvariant(new Rune(c)).Value : c;

    public static int ToUpper(int c) => c < 0x80
        ? (uint)(c - 'a') <= 25 ? c & ~0x20 : c
        : c == 0x17F ? 'S' // the long s, likewise
        : Rune.IsValid(c) ? Rune.ToUpperInvariant(new Rune(c)).Value : c;

    public static bool IsChinese(int c) =>
        (uint)(c - 0x4E00) <= 0x51FF || (uint)(c - 0x3400) <= 0x19BF
        || (uint)(c - 0x20000) <= 0xA6DF || (uint)(c - 0x2A700) <= 0x103F
        || (uint)(c - 0x2B740) <= 0xDF || (uint)(c - 0x2B920) <= 0x158F
        || (uint)(c - 0xF900) <= 0x1FF || (uint)(c - 0x2F800) <= 0x21F;

    private static byte[] MakeCategories()
    {
        byte[] categories = new byte[CodePoints.Limit];
        for (int c = 0; c < categories.Length; c++)
        {
            categories[c] = (byte)CharUnicodeInfo.GetUnicodeCategory(c);
        }

        return categories;
    }
}
