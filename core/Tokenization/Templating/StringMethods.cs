using System.Collections.Frozen;
using System.Text;

namespace Engine.Tokenization.Templating;

internal delegate object? MethodCode(RenderState state, object? self, CallArgs args);

/// <summary>The methods of str: lookup, and those about case, padding and character classes.</summary>
internal static class StringMethods
{
    private static readonly FrozenDictionary<string, MethodCode> Table = Build().ToFrozenDictionary();

    private static readonly FrozenSet<string> StaysMarkup = new[]
    {
        "capitalize", "title", "lower", "upper", "replace", "ljust", "rjust", "lstrip", "rstrip", "center",
        "strip", "translate", "expandtabs", "swapcase", "zfill", "casefold", "removeprefix", "removesuffix",
        "split", "rsplit", "splitlines", "partition", "rpartition",
    }.ToFrozenSet();

    /// <summary>The bound method of a str or Markup, or null.</summary>
    public static BoundMethod? Find(object self, string name)
    {
        if (self is Markup markup && MarkupMethod(markup, name) is BoundMethod special)
            return special;
        if (!Table.TryGetValue(name, out MethodCode? code))
            return null;
        string text = Ops.Text(self)!;
        bool wrap = self is Markup && StaysMarkup.Contains(name);
        return new BoundMethod(self, name, (state, args) =>
            wrap ? Wrap(code(state, text, EscapeFiller(name, args))) : code(state, text, args));
    }

    private static BoundMethod? MarkupMethod(Markup self, string name)
    {
        return name switch
        {
            "join" => new BoundMethod(self, name, (state, args) => new Markup(string.Join(
                self.Text, Ops.ToList(args.Plain("join", 1, 1)[0]).Select(v => Html.EscapeValue(v).Text)))),
            "unescape" => new BoundMethod(self, name, (_, args) =>
            {
                args.Plain("unescape", 0, 0);
                return Html.Unescape(self.Text);
            }),
            "striptags" => new BoundMethod(self, name, (_, args) =>
            {
                args.Plain("striptags", 0, 0);
                return Html.StripTags(self.Text);
            }),
            "format" => new BoundMethod(self, name, (state, args) =>
                new Markup(BraceFormat.Format(state, self.Text, args, escape: true))),
            "format_map" => new BoundMethod(self, name, (state, args) => new Markup(BraceFormat.FormatMap(
                state, self.Text, args.Plain("format_map", 1, 1)[0], escape: true))),
            "escape" => new BoundMethod(self, name, (_, args) =>
                Html.EscapeValue(args.Plain("escape", 1, 1)[0])),
            _ => null,
        };
    }

    private static CallArgs EscapeFiller(string name, CallArgs args)
    {
        bool escapes = name is "replace" or "ljust" or "rjust" or "center" && args.Positional.Length > 1;
        if (!escapes)
            return args;
        var positional = (object?[])args.Positional.Clone();
        positional[1] = Html.EscapeValue(positional[1]).Text;
        return args with { Positional = positional };
    }

    private static object? Wrap(object? result) => result switch
    {
        string s => new Markup(s),
        TemplateList list => new TemplateList(list.Items.ConvertAll(Wrap)),
        TemplateTuple tuple => new TemplateTuple(Array.ConvertAll(tuple.Items, Wrap)),
        _ => result,
    };

    private static Dictionary<string, MethodCode> Build()
    {
        var table = new Dictionary<string, MethodCode>();
        void Map(string name, Func<string, object?> code) =>
            table[name] = (_, self, args) =>
            {
                args.Plain(name, 0, 0);
                Budget.ChargeText(((string)self!).Length);
                return code((string)self!);
            };
        Map("upper", Upper);
        Map("lower", Lower);
        Map("casefold", s => MapCodes(s, UnicodeTables.AppendFold));
        Map("capitalize", Capitalize);
        Map("title", Title);
        Map("swapcase", SwapCase);
        Map("isalpha", s => All(s, Unicode.IsAlpha));
        Map("isdigit", s => All(s, Unicode.IsDigit));
        Map("isdecimal", s => All(s, Unicode.IsDecimal));
        Map("isnumeric", s => All(s, Unicode.IsNumeric));
        Map("isalnum", s => All(s, Unicode.IsAlnum));
        Map("isspace", s => All(s, c => c < 0x10000 && Unicode.IsSpace((char)c)));
        Map("isprintable", s => Num.Box(s.Length == 0 || Unicode.Codes(s).All(Unicode.IsPrintable)));
        Map("isascii", s => Num.Box(Ascii.IsValid(s)));
        Map("isidentifier", s => Num.Box(IsIdentifier(s)));
        Map("islower", s => Num.Box(IsLower(s)));
        Map("isupper", s => Num.Box(IsUpper(s)));
        Map("istitle", s => Num.Box(IsTitle(s)));
        table["center"] = (_, self, args) => Justify("center", (string)self!, args);
        table["ljust"] = (_, self, args) => Justify("ljust", (string)self!, args);
        table["rjust"] = (_, self, args) => Justify("rjust", (string)self!, args);
        table["zfill"] = (_, self, args) => ZeroFill((string)self!, args);
        table["expandtabs"] = (_, self, args) => ExpandTabs((string)self!, args);
        StringSearch.AddTo(table);
        StringSplit.AddTo(table);
        StringConvert.AddTo(table);
        return table;
    }

    private static string MapCodes(string s, Action<StringBuilder, int> append)
    {
        var sb = new StringBuilder(s.Length);
        for (int i = 0; i < s.Length;)
        {
            int code = Unicode.CodeAt(s, i);
            i += code > 0xFFFF ? 2 : 1;
            append(sb, code);
        }

        return sb.ToString();
    }

    private static object All(string s, Func<int, bool> test) =>
        Num.Box(s.Length > 0 && Unicode.Codes(s).All(test));

    public static string Upper(string s) =>
        Ascii.IsValid(s) ? s.ToUpperInvariant() : MapCodes(s, UnicodeTables.AppendUpper);

    public static string Lower(string s)
    {
        if (Ascii.IsValid(s))
            return s.ToLowerInvariant();
        int[] codes = Unicode.Codes(s);
        var sb = new StringBuilder(s.Length);
        for (int i = 0; i < codes.Length; i++)
            AppendLower(sb, codes, i);
        return sb.ToString();
    }

    /// <summary>A capital sigma that ends a word becomes the final form.</summary>
    private static void AppendLower(StringBuilder sb, int[] codes, int i)
    {
        if (codes[i] != 0x3A3)
        {
            UnicodeTables.AppendLower(sb, codes[i]);
            return;
        }

        int before = i - 1;
        while (before >= 0 && IsCaseIgnorable(codes[before]))
            before--;
        int after = i + 1;
        while (after < codes.Length && IsCaseIgnorable(codes[after]))
            after++;
        bool final = before >= 0 && IsCased(codes[before])
            && (after >= codes.Length || !IsCased(codes[after]));
        sb.Append(final ? '\u03C2' : '\u03C3');
    }

    private static bool IsCased(int code) =>
        Unicode.IsUpper(code) || Unicode.IsLower(code) || Unicode.IsTitle(code);

    private static bool IsCaseIgnorable(int code) => code is '\'' or '.' or ':' or '^' or '`' or 0xB7 or 0x2019
        || (code > 127 && Unicode.Category(code) is System.Globalization.UnicodeCategory.NonSpacingMark
            or System.Globalization.UnicodeCategory.EnclosingMark
            or System.Globalization.UnicodeCategory.Format
            or System.Globalization.UnicodeCategory.ModifierLetter
            or System.Globalization.UnicodeCategory.ModifierSymbol);

    public static string Capitalize(string s)
    {
        int[] codes = Unicode.Codes(s);
        var sb = new StringBuilder(s.Length);
        for (int i = 0; i < codes.Length; i++)
        {
            if (i == 0)
                UnicodeTables.AppendTitle(sb, codes[0]);
            else
                AppendLower(sb, codes, i);
        }

        return sb.ToString();
    }

    private static string Title(string s)
    {
        int[] codes = Unicode.Codes(s);
        var sb = new StringBuilder(s.Length);
        bool inWord = false;
        for (int i = 0; i < codes.Length; i++)
        {
            if (inWord)
                AppendLower(sb, codes, i);
            else
                UnicodeTables.AppendTitle(sb, codes[i]);
            inWord = IsCased(codes[i]);
        }

        return sb.ToString();
    }

    private static string SwapCase(string s)
    {
        int[] codes = Unicode.Codes(s);
        var sb = new StringBuilder(s.Length);
        for (int i = 0; i < codes.Length; i++)
        {
            if (Unicode.IsUpper(codes[i]))
                AppendLower(sb, codes, i);
            else if (Unicode.IsLower(codes[i]))
                UnicodeTables.AppendUpper(sb, codes[i]);
            else
                Unicode.Append(sb, codes[i]);
        }

        return sb.ToString();
    }

    private static bool IsIdentifier(string s)
    {
        bool first = true;
        foreach (Rune rune in s.EnumerateRunes())
        {
            if (first ? !Unicode.IsIdentifierStart(rune) : !Unicode.IsIdentifierPart(rune))
                return false;
            first = false;
        }

        return !first;
    }

    public static bool IsLower(string s)
    {
        int[] codes = Unicode.Codes(s);
        return !codes.Any(c => Unicode.IsUpper(c) || Unicode.IsTitle(c)) && codes.Any(Unicode.IsLower);
    }

    public static bool IsUpper(string s)
    {
        int[] codes = Unicode.Codes(s);
        return !codes.Any(c => Unicode.IsLower(c) || Unicode.IsTitle(c)) && codes.Any(Unicode.IsUpper);
    }

    private static bool IsTitle(string s)
    {
        bool cased = false;
        bool inWord = false;
        foreach (int code in Unicode.Codes(s))
        {
            bool upper = Unicode.IsUpper(code) || Unicode.IsTitle(code);
            bool lower = Unicode.IsLower(code);
            if ((upper && inWord) || (lower && !inWord))
                return false;
            inWord = upper || lower;
            cased |= inWord;
        }

        return cased;
    }

    private static string Justify(string name, string s, CallArgs args)
    {
        object?[] a = args.Plain(name, 1, 2);
        string fill = " ";
        if (a.Length > 1)
        {
            fill = Ops.Text(a[1]) ?? throw TemplateException.Type(
                $"The fill character must be a unicode character, not {Ops.TypeName(a[1])}");
            if (Unicode.Length(fill) != 1)
                throw TemplateException.Type("The fill character must be exactly one character long");
        }

        return Justify(name, s, Num.Index(a[0]), fill);
    }

    public static string Justify(string name, string s, int width, string fill)
    {
        int margin = width - Unicode.Length(s);
        if (margin <= 0)
            return s;
        int left = name switch
        {
            "ljust" => 0,
            "rjust" => margin,
            _ => (margin / 2) + (margin & width & 1),
        };
        Budget.ChargeText(width);
        return Arithmetic.RepeatText(fill, left) + s + Arithmetic.RepeatText(fill, margin - left);
    }

    private static string ZeroFill(string s, CallArgs args)
    {
        int fill = Num.Index(args.Plain("zfill", 1, 1)[0]) - Unicode.Length(s);
        if (fill <= 0)
            return s;
        Budget.ChargeText(fill);
        int sign = s.Length > 0 && s[0] is '+' or '-' ? 1 : 0;
        return s[..sign] + new string('0', fill) + s[sign..];
    }

    private static string ExpandTabs(string s, CallArgs args)
    {
        object?[] a = args.Bind("expandtabs", 0, "tabsize");
        int size = a[0] == CallArgs.Missing ? 8 : Num.Index(a[0]);
        var sb = new StringBuilder(s.Length);
        int column = 0;
        foreach (char c in s)
        {
            if (c == '\t')
            {
                int fill = size > 0 ? size - (column % size) : 0;
                Budget.ChargeText(fill);
                sb.Append(' ', fill);
                column += fill;
                continue;
            }

            sb.Append(c);
            if (!char.IsLowSurrogate(c))
                column = c is '\n' or '\r' ? 0 : column + 1;
        }

        return sb.ToString();
    }
}
