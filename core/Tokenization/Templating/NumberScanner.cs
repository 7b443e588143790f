namespace Engine.Tokenization.Templating;

/// <summary>Finds the end of number literals: digits with single underscores between them.</summary>
internal static class NumberScanner
{
    /// <summary>End of a float literal that starts at pos, or 0.</summary>
    public static int FloatEnd(string s, int pos)
    {
        int p = Digits(s, pos, char.IsAsciiDigit, leadingUnderscore: false);
        if (p == pos)
            return 0;
        int end = 0;
        if (p + 1 < s.Length && s[p] == '.' && char.IsAsciiDigit(s[p + 1]))
            end = p = Digits(s, p + 1, char.IsAsciiDigit, leadingUnderscore: false);
        if (p < s.Length && s[p] is 'e' or 'E')
        {
            int q = p + 1;
            if (q < s.Length && s[q] is '+' or '-')
                q++;
            int r = Digits(s, q, char.IsAsciiDigit, leadingUnderscore: false);
            if (r > q)
                end = r;
        }

        return end;
    }

    /// <summary>End and radix of an integer literal that starts at pos.</summary>
    public static int IntegerEnd(string s, int pos, out int radix)
    {
        radix = 10;
        if (s[pos] != '0')
            return Digits(s, pos, char.IsAsciiDigit, leadingUnderscore: false);
        char prefix = pos + 1 < s.Length ? char.ToLowerInvariant(s[pos + 1]) : '\0';
        (int candidate, Func<char, bool> isDigit) = prefix switch
        {
            'b' => (2, (Func<char, bool>)(c => c is '0' or '1')),
            'o' => (8, c => c is >= '0' and <= '7'),
            'x' => (16, char.IsAsciiHexDigit),
            _ => (10, c => c == '0'),
        };
        if (candidate == 10)
            return Digits(s, pos, isDigit, leadingUnderscore: false);
        int end = Digits(s, pos + 2, isDigit, leadingUnderscore: true);
        if (end == pos + 2)
            return pos + 1;
        radix = candidate;
        return end;
    }

    private static int Digits(string s, int pos, Func<char, bool> isDigit, bool leadingUnderscore)
    {
        int p = pos;
        while (p < s.Length)
        {
            bool underscore = s[p] == '_' && (p > pos || leadingUnderscore);
            int q = underscore ? p + 1 : p;
            if (q >= s.Length || !isDigit(s[q]))
                break;
            p = q + 1;
        }

        return p;
    }
}
