using System.Globalization;

namespace Engine.Server.Terminal;

/// <summary>Bytes for a person, and numbers that a person wrote.</summary>
internal static class ByteText
{
    private static readonly string[] _units = ["B", "KiB", "MiB", "GiB", "TiB"];

    public static string Of(long bytes)
    {
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < _units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return unit == 0
            ? $"{bytes} B"
            : string.Create(CultureInfo.InvariantCulture, $"{value:F1} {_units[unit]}");
    }

    /// <summary>Reads "4096", "4k" (thousand) or "4K" (1024), also m/M, g/G, as vLLM's flags do.</summary>
    /// <returns>False if it is no such number or does not fit.</returns>
    public static bool TryParse(string text, out long value)
    {
        long scale = text.Length == 0 ? 1 : text[^1] switch
        {
            'k' => 1_000,
            'm' => 1_000_000,
            'g' => 1_000_000_000,
            'K' => 1L << 10,
            'M' => 1L << 20,
            'G' => 1L << 30,
            _ => 1,
        };
        string digits = scale == 1 ? text : text[..^1];
        value = 0;
        if (!decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number)
            || number > long.MaxValue / scale)
        {
            return false;
        }

        value = (long)(number * scale);
        return true;
    }
}
