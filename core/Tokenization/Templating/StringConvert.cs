using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>str methods that turn text into something else: encode, format, translate.</summary>
internal static class StringConvert
{
    public static void AddTo(Dictionary<string, MethodCode> table)
    {
        table["encode"] = (_, self, args) => Encode((string)self!, args);
        table["translate"] = (_, self, args) => Translate((string)self!, args.Plain("translate", 1, 1)[0]);
        table["maketrans"] = (_, _, args) => MakeTrans(args.Plain("maketrans", 1, 3));
        table["format"] = (state, self, args) => BraceFormat.Format(state, (string)self!, args, false);
        table["format_map"] = (state, self, args) =>
            BraceFormat.FormatMap(state, (string)self!, args.Plain("format_map", 1, 1)[0], false);
    }

    private static string NormalName(string name) =>
        name.ToLowerInvariant().Replace("_", "-", StringComparison.Ordinal);

    private static Encoding Encoder(string name) => NormalName(name) switch
    {
        "utf-8" or "utf8" or "u8" => new UTF8Encoding(false, true),
        "ascii" or "us-ascii" => Encoding.ASCII,
        "latin-1" or "latin1" or "iso-8859-1" or "iso8859-1" => Encoding.Latin1,
        "utf-16-le" or "utf-16le" => new UnicodeEncoding(false, false, true),
        "utf-16-be" or "utf-16be" => new UnicodeEncoding(true, false, true),
        "utf-32-le" or "utf-32le" => new UTF32Encoding(false, false, true),
        "utf-32-be" or "utf-32be" => new UTF32Encoding(true, false, true),
        "utf-16" => new UnicodeEncoding(false, true, true),
        "utf-32" => new UTF32Encoding(false, true, true),
        _ => throw new TemplateException(TemplateErrorKind.LookupError, $"unknown encoding: {name}"),
    };

    private static TemplateBytes Encode(string s, CallArgs args)
    {
        object?[] a = args.Bind("encode", 0, "encoding", "errors");
        string name = a[0] == CallArgs.Missing ? "utf-8" : StringSearch.Required(a[0], "encode() argument");
        string errors = a[1] == CallArgs.Missing ? "strict" : StringSearch.Required(a[1], "encode() argument");
        Encoding encoding = Encoder(name);
        Budget.ChargeText(4L * s.Length);
        var bytes = new List<byte>(encoding.GetPreamble());
        int limit = encoding == Encoding.ASCII ? 0x7F : encoding == Encoding.Latin1 ? 0xFF : 0x10FFFF;
        for (int i = 0, n = 0; i < s.Length; n++)
        {
            int code = Unicode.CodeAt(s, i);
            i += code > 0xFFFF ? 2 : 1;
            if (code <= limit && code is < 0xD800 or > 0xDFFF)
                bytes.AddRange(encoding.GetBytes(Unicode.FromCode(code)));
            else
                bytes.AddRange(encoding.GetBytes(EncodeError(name, errors, code, n)));
        }

        return new TemplateBytes([.. bytes]);
    }

    private static string EncodeError(string encoding, string errors, int code, int position) => errors switch
    {
        "ignore" => "",
        "replace" => "?",
        "xmlcharrefreplace" => FormattableString.Invariant($"&#{code};"),
        "backslashreplace" => code < 0x100 ? $"\\x{code:x2}" : code < 0x10000 ? $"\\u{code:x4}" : $"\\U{code:x8}",
        "strict" => throw new TemplateException(
            TemplateErrorKind.UnicodeEncodeError,
            $"'{encoding}' codec can't encode character '\\u{code:x4}' in position {position}"),
        _ => throw new TemplateException(
            TemplateErrorKind.LookupError, $"unknown error handler name '{errors}'"),
    };

    /// <summary>bytes.decode().</summary>
    public static string Decode(TemplateBytes bytes, CallArgs args)
    {
        object?[] a = args.Bind("decode", 0, "encoding", "errors");
        string name = a[0] == CallArgs.Missing ? "utf-8" : StringSearch.Required(a[0], "decode() argument");
        string errors = a[1] == CallArgs.Missing ? "strict" : StringSearch.Required(a[1], "decode() argument");
        Budget.ChargeText(bytes.Data.Length);
        DecoderFallback fallback = errors switch
        {
            "ignore" => new DecoderReplacementFallback(""),
            "replace" => new DecoderReplacementFallback("\uFFFD"),
            _ => DecoderFallback.ExceptionFallback,
        };
        var encoding = (Encoding)Encoder(name).Clone();
        encoding.DecoderFallback = fallback;
        try
        {
            return encoding.GetString(bytes.Data);
        }
        catch (DecoderFallbackException e)
        {
            throw new TemplateException(
                TemplateErrorKind.UnicodeDecodeError, $"'{name}' codec can't decode byte at position {e.Index}");
        }
    }

    private static string Translate(string s, object? table)
    {
        Budget.ChargeText(s.Length);
        var sb = new StringBuilder(s.Length);
        foreach (int code in Unicode.Codes(s))
        {
            object? mapped = Num.Box(code);
            if (table is TemplateDict dict)
                mapped = dict.TryGet(mapped, out object? value) ? value : mapped;
            else if (table is TemplateList list)
                mapped = code < list.Items.Count ? list.Items[code] : mapped;
            else if (table is Undefined undefined)
                throw undefined.Fail();
            else if (Ops.Text(table) is null)
                throw TemplateException.Type($"'{Ops.TypeName(table)}' object is not subscriptable");
            if (Ops.Text(mapped) is string text)
                sb.Append(text);
            else if (Num.IsInt(mapped) && Num.Index(mapped) is >= 0 and <= 0x10FFFF and int to)
                Unicode.Append(sb, to);
            else if (mapped is not null)
                throw TemplateException.Type("character mapping must return integer, None or str");
            Budget.ChargeText(sb.Length - s.Length);
        }

        return sb.ToString();
    }

    private static TemplateDict MakeTrans(object?[] a)
    {
        var table = new TemplateDict();
        if (a.Length == 1)
        {
            if (a[0] is not TemplateDict source)
                throw TemplateException.Type("if you give only one argument to maketrans it must be a dict");
            foreach ((object? key, object? value) in source.Entries)
            {
                bool isText = Ops.Text(key) is string k && Unicode.Length(k) == 1;
                table.Set(isText ? Num.Box(Unicode.CodeAt(Ops.Text(key)!, 0)) : key, value);
            }

            return table;
        }

        int[] from = Unicode.Codes(StringSearch.Required(a[0], "maketrans() argument 1"));
        int[] to = Unicode.Codes(StringSearch.Required(a[1], "maketrans() argument 2"));
        if (from.Length != to.Length)
            throw TemplateException.Value("the first two maketrans arguments must have equal length");
        for (int i = 0; i < from.Length; i++)
            table.Set(Num.Box(from[i]), Num.Box(to[i]));
        if (a.Length > 2)
        {
            foreach (int code in Unicode.Codes(StringSearch.Required(a[2], "maketrans() argument 3")))
                table.Set(Num.Box(code), null);
        }

        return table;
    }
}
