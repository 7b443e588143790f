using System.Globalization;
using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>Strings as sequences of code points, and the character classes of Python's str.</summary>
internal static class Unicode
{
    public static bool IsSpace(char c) =>
        c < 128 ? c == ' ' || c is >= '\t' and <= '\r' or >= '\x1c' and <= '\x1f' : char.IsWhiteSpace(c);

    public static bool HasSurrogates(string s) => s.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF');

    public static void Append(StringBuilder sb, int code)
    {
        if (code < 0x10000)
            sb.Append((char)code);
        else
            sb.Append(char.ConvertFromUtf32(code));
    }

    public static string FromCode(int code) =>
        code < 0x10000 ? ((char)code).ToString() : char.ConvertFromUtf32(code);

    /// <summary>The code point at a position; a lone surrogate stands for itself.</summary>
    public static int CodeAt(string s, int i) =>
        char.IsHighSurrogate(s[i]) && i + 1 < s.Length && char.IsLowSurrogate(s[i + 1])
            ? char.ConvertToUtf32(s[i], s[i + 1])
            : s[i];

    public static int Length(string s)
    {
        if (!HasSurrogates(s))
            return s.Length;
        int n = 0;
        for (int i = 0; i < s.Length; i += CodeAt(s, i) > 0xFFFF ? 2 : 1)
            n++;
        return n;
    }

    public static int[] Codes(string s)
    {
        int[] codes = new int[Length(s)];
        for (int i = 0, n = 0; i < s.Length; n++)
        {
            codes[n] = CodeAt(s, i);
            i += codes[n] > 0xFFFF ? 2 : 1;
        }

        return codes;
    }

    public static string FromCodes(ReadOnlySpan<int> codes)
    {
        var sb = new StringBuilder(codes.Length);
        foreach (int code in codes)
            Append(sb, code);
        return sb.ToString();
    }

    /// <summary>Index in UTF-16 units of a code point index.</summary>
    public static int UnitIndex(string s, int codeIndex)
    {
        if (!HasSurrogates(s))
            return codeIndex;
        int i = 0;
        for (int n = 0; n < codeIndex && i < s.Length; n++)
            i += CodeAt(s, i) > 0xFFFF ? 2 : 1;
        return i;
    }

    /// <summary>Index in code points of a UTF-16 index.</summary>
    public static int CodeIndex(string s, int unitIndex) =>
        unitIndex <= 0 ? unitIndex : Length(s[..unitIndex]);

    public static string TrimEnd(string s)
    {
        int end = s.Length;
        while (end > 0 && IsSpace(s[end - 1]))
            end--;
        return s[..end];
    }

    public static string TrimStart(string s)
    {
        int start = 0;
        while (start < s.Length && IsSpace(s[start]))
            start++;
        return s[start..];
    }

    public static UnicodeCategory Category(int code) => CharUnicodeInfo.GetUnicodeCategory(code);

    public static bool IsAlpha(int code) => Category(code) <= UnicodeCategory.OtherLetter;

    public static bool IsDecimal(int code) => Category(code) == UnicodeCategory.DecimalDigitNumber;

    public static bool IsDigit(int code) =>
        IsDecimal(code) || (code > 127 && CharUnicodeInfo.GetDigitValue(FromCode(code), 0) >= 0);

    public static bool IsNumeric(int code) =>
        IsDigit(code) || (code > 127 && CharUnicodeInfo.GetNumericValue(FromCode(code), 0) >= 0)
        || UnicodeTables.IsExtraNumeric(code);

    public static bool IsAlnum(int code) => IsAlpha(code) || IsNumeric(code);

    public static bool IsPrintable(int code) => code == ' ' || Category(code) switch
    {
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
            or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.SpaceSeparator => false,
        _ => true,
    };

    public static bool IsUpper(int code) =>
        code < 128 ? char.IsAsciiLetterUpper((char)code) : Category(code) == UnicodeCategory.UppercaseLetter
            || UnicodeTables.IsOtherUpper(code);

    public static bool IsLower(int code) =>
        code < 128 ? char.IsAsciiLetterLower((char)code) : Category(code) == UnicodeCategory.LowercaseLetter
            || UnicodeTables.IsOtherLower(code);

    public static bool IsTitle(int code) => Category(code) == UnicodeCategory.TitlecaseLetter;

    public static bool IsNameChar(Rune rune) => rune.Value == '_' || Rune.GetUnicodeCategory(rune) switch
    {
        <= UnicodeCategory.OtherNumber => true,
        UnicodeCategory.ConnectorPunctuation => true,
        _ => false,
    };

    public static bool IsIdentifierStart(Rune rune) =>
        rune.Value == '_' || Rune.GetUnicodeCategory(rune) is <= UnicodeCategory.OtherLetter
            or UnicodeCategory.LetterNumber;

    public static bool IsIdentifierPart(Rune rune) =>
        IsIdentifierStart(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark
            or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.DecimalDigitNumber
            or UnicodeCategory.ConnectorPunctuation;
}
