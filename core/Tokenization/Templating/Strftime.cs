using System.Globalization;
using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>strftime of the C library in the C locale, with glibc's flags and widths.</summary>
internal static class Strftime
{
    private const int WidthMax = 100;

    private static readonly CultureInfo C = CultureInfo.InvariantCulture;

    public static string Format(DateTime t, string format)
    {
        Budget.ChargeText(8L * format.Length);
        var sb = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                sb.Append(format[i]);
                continue;
            }

            int start = i++;
            char flag = '\0';
            while (i < format.Length && "-_0^#".Contains(format[i]))
                flag = format[i++];
            int width = 0;
            while (i < format.Length && char.IsAsciiDigit(format[i]))
                width = Math.Min((width * 10) + (format[i++] - '0'), WidthMax);
            if (i < format.Length && format[i] is 'E' or 'O')
                i++;
            string? text = i < format.Length ? Field(t, format[i], flag, width) : null;
            sb.Append(text ?? format[start..Math.Min(i + 1, format.Length)]);
        }

        return sb.ToString();
    }

    private static string? Field(DateTime t, char code, char flag, int width)
    {
        string? text = Text(t, code);
        if (text is not null)
        {
            if (flag == '^' || (flag == '#' && code != 'p'))
                text = text.ToUpperInvariant();
            else if (flag == '#')
                text = text.ToLowerInvariant();
            return text.PadLeft(width, flag == '0' ? '0' : ' ');
        }

        (long value, int digits, char pad) = Number(t, code);
        if (digits < 0)
            return null;
        pad = flag switch { '_' => ' ', '0' => '0', _ => pad };
        string number = value.ToString(C);
        return flag == '-' ? number.PadLeft(width, '0') : number.PadLeft(Math.Max(width, digits), pad);
    }

    private static string? Text(DateTime t, char code) => code switch
    {
        'a' => t.ToString("ddd", C),
        'A' => t.ToString("dddd", C),
        'b' or 'h' => t.ToString("MMM", C),
        'B' => t.ToString("MMMM", C),
        'c' => t.ToString("ddd MMM ", C) + t.Day.ToString(C).PadLeft(2) + t.ToString(" HH:mm:ss yyyy", C),
        'D' or 'x' => t.ToString("MM'/'dd'/'yy", C),
        'F' => t.ToString("yyyy'-'MM'-'dd", C),
        'f' => t.ToString("ffffff", C),
        'n' => "\n",
        'p' => t.Hour < 12 ? "AM" : "PM",
        'P' => t.Hour < 12 ? "am" : "pm",
        'r' => t.ToString("hh:mm:ss ", C) + (t.Hour < 12 ? "AM" : "PM"),
        'R' => t.ToString("HH:mm", C),
        't' => "\t",
        'T' or 'X' => t.ToString("HH:mm:ss", C),
        'z' or 'Z' => "",
        '%' => "%",
        _ => null,
    };

    private static (long Value, int Digits, char Pad) Number(DateTime t, char code)
    {
        int hour12 = t.Hour % 12 == 0 ? 12 : t.Hour % 12;
        int monday = ((int)t.DayOfWeek + 6) % 7;
        return code switch
        {
            'C' => (t.Year / 100, 2, '0'),
            'd' => (t.Day, 2, '0'),
            'e' => (t.Day, 2, ' '),
            'g' => (ISOWeek.GetYear(t) % 100, 2, '0'),
            'G' => (ISOWeek.GetYear(t), 1, '0'),
            'H' => (t.Hour, 2, '0'),
            'I' => (hour12, 2, '0'),
            'j' => (t.DayOfYear, 3, '0'),
            'k' => (t.Hour, 2, ' '),
            'l' => (hour12, 2, ' '),
            'm' => (t.Month, 2, '0'),
            'M' => (t.Minute, 2, '0'),
            's' => (new DateTimeOffset(t).ToUnixTimeSeconds(), 1, '0'),
            'S' => (t.Second, 2, '0'),
            'u' => (monday + 1, 1, '0'),
            'U' => ((t.DayOfYear + 6 - (int)t.DayOfWeek) / 7, 2, '0'),
            'V' => (ISOWeek.GetWeekOfYear(t), 2, '0'),
            'w' => ((int)t.DayOfWeek, 1, '0'),
            'W' => ((t.DayOfYear + 6 - monday) / 7, 2, '0'),
            'y' => (t.Year % 100, 2, '0'),
            'Y' => (t.Year, 1, '0'),
            _ => (0, -1, '0'),
        };
    }
}
