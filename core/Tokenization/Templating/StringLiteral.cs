using System.Globalization;
using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>Decodes the escapes of a string literal as Python's unicode-escape codec does.</summary>
internal static class StringLiteral
{
    public static string Decode(string raw, int line)
    {
        var sb = new StringBuilder(raw.Length);
        for (int i = 0; i < raw.Length;)
        {
            char c = raw[i++];
            if (c != '\\')
                sb.Append(c);
            else if (i >= raw.Length)
                throw Error("\\ at end of string", line);
            else
                i = DecodeEscape(raw, i, sb, line);
        }

        return sb.ToString();
    }

    private static TemplateException Error(string message, int line) =>
        new(TemplateErrorKind.TemplateSyntaxError, message, line);

    private static int DecodeEscape(string raw, int i, StringBuilder sb, int line)
    {
        char c = raw[i++];
        int simple = "\n\\'\"abfnrtv".IndexOf(c);
        if (simple >= 0)
        {
            if (simple > 0)
                sb.Append("\\'\"\a\b\f\n\r\t\v"[simple - 1]);
            return i;
        }

        switch (c)
        {
            case 'x':
                return Hex(raw, i, 2, sb, line);
            case 'u':
                return Hex(raw, i, 4, sb, line);
            case 'U':
                return Hex(raw, i, 8, sb, line);
            case 'N':
                throw Error("unknown Unicode character name", line);
            case >= '0' and <= '7':
                return Octal(raw, i - 1, sb);
        }

        sb.Append('\\');
        if (c < 128)
        {
            sb.Append(c);
            return i;
        }

        // The codec sees non-ASCII text already escaped, so a backslash before it escapes that backslash.
        int code = c;
        if (char.IsHighSurrogate(c) && i < raw.Length && char.IsLowSurrogate(raw[i]))
            code = char.ConvertToUtf32(c, raw[i++]);
        string format = code < 0x100 ? "x2" : code < 0x10000 ? "x4" : "x8";
        sb.Append(code < 0x100 ? 'x' : code < 0x10000 ? 'u' : 'U');
        sb.Append(code.ToString(format, CultureInfo.InvariantCulture));
        return i;
    }

    private static int Hex(string raw, int i, int digits, StringBuilder sb, int line)
    {
        long code = 0;
        for (int k = 0; k < digits; k++, i++)
        {
            if (i >= raw.Length || !char.IsAsciiHexDigit(raw[i]))
                throw Error($"truncated \\{"xuU"[digits / 4]}{new string('X', digits)} escape", line);
            code = (code * 16) + Convert.ToInt32(raw[i].ToString(), 16);
        }

        if (code > 0x10FFFF)
            throw Error("illegal Unicode character", line);
        Unicode.Append(sb, (int)code);
        return i;
    }

    private static int Octal(string raw, int i, StringBuilder sb)
    {
        int code = 0;
        for (int k = 0; k < 3 && i < raw.Length && raw[i] is >= '0' and <= '7'; k++, i++)
            code = (code * 8) + (raw[i] - '0');
        Unicode.Append(sb, code);
        return i;
    }
}
