using System.Globalization;
using System.Text;

namespace Engine.Grammar;

/// <summary>Characters of grammar texts.</summary>
internal static class GrammarText
{
    /// <summary>The code point at a place, which moves behind it; a lone surrogate is an error.</summary>
    public static int CodePoint(string text, ref int at, string field)
    {
        if (at >= text.Length)
        {
            throw EngineException.Invalid(field, "unexpected end");
        }

        if (!Rune.TryGetRuneAt(text, at, out Rune rune))
        {
            throw EngineException.Invalid(field, $"half a character (at character {at})");
        }

        at += rune.Utf16SequenceLength;
        return rune.Value;
    }

    /// <summary>The code points of a text; half a surrogate pair becomes U+FFFD.</summary>
    public static IEnumerable<int> CodePoints(string text) => text.EnumerateRunes().Select(rune => rune.Value);

    /// <summary>So many hexadecimal digits.</summary>
    public static int Hex(string text, ref int at, int digits, string field)
    {
        if (at + digits <= text.Length
            && int.TryParse(
                text.AsSpan(at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value)
            && Rune.IsValid(value))
        {
            at += digits;
            return value;
        }

        throw EngineException.Invalid(field, $"expected {digits} hexadecimal digits (at character {at})");
    }
}
