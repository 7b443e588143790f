using System.Globalization;
using System.Text;

namespace Engine.Chat.Parsing;

/// <summary>One string literal of Python.</summary>
internal static class PythonStrings
{
    /// <summary>Reads from the opening quote; false if it never closes or an escape is not valid.</summary>
    public static bool TryRead(ReadOnlySpan<char> text, ref int at, bool isRaw, StringBuilder value)
    {
        char quote = text[at];
        bool isTriple = text[at..].StartsWith([quote, quote, quote]);
        int length = isTriple ? 3 : 1;
        at += length;
        while (at < text.Length)
        {
            char c = text[at];
            if (c == quote && (!isTriple || text[at..].StartsWith([quote, quote, quote])))
            {
                at += length;
                return true;
            }

            if (c is '\n' or '\r' && !isTriple)
            {
                return false;
            }

            if (c != '\\')
            {
                value.Append(c);
                at++;
            }
            else if (isRaw)
            {
                value.Append(text.Slice(at, Math.Min(2, text.Length - at)));
                at += 2;
            }
            else if (!TryEscape(text, ref at, value))
            {
                return false;
            }
        }

        return false;
    }

    private static bool TryEscape(ReadOnlySpan<char> text, ref int at, StringBuilder value)
    {
        const string names = "\\'\"abfnrtv";
        const string meanings = "\\'\"\a\b\f\n\r\t\v";
        if (at + 1 >= text.Length)
        {
            return false;
        }

        char c = text[at + 1];
        int known = names.IndexOf(c, StringComparison.Ordinal);
        int digits = c switch
        {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        if (known >= 0)
        {
            value.Append(meanings[known]);
            at += 2;
        }
        else if (digits > 0)
        {
            return TryCode(text, ref at, digits, value);
        }
        else if (c is >= '0' and <= '7')
        {
            int code = 0;
            int end = Math.Min(text.Length, at + 4);
            for (at++; at < end && text[at] is >= '0' and <= '7'; at++)
            {
                code = (code * 8) + (text[at] - '0');
            }

            value.Append((char)code);
        }
        else
        {
            // A line joined to the next, or a backslash that escapes nothing and stays.
            value.Append(c == '\n' ? "" : "\\");
            at += c == '\n' ? 2 : 1;
        }

        return true;
    }

    private static bool TryCode(ReadOnlySpan<char> text, ref int at, int digits, StringBuilder value)
    {
        if (at + 2 + digits > text.Length
            || !int.TryParse(
                text.Slice(at + 2, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code)
            || code is < 0 or > 0x10ffff)
        {
            return false;
        }

        value.Append(code <= 0xffff ? ((char)code).ToString() : char.ConvertFromUtf32(code));
        at += 2 + digits;
        return true;
    }
}
