using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>Filters that take text and return text.</summary>
internal static class TextFilters
{
    public static void AddTo(Dictionary<string, BuiltinCode> table)
    {
        table["upper"] = Method("upper");
        table["lower"] = Method("lower");
        table["capitalize"] = Method("capitalize");
        table["title"] = (_, args) => Keep(args.Bind("do_title", 1, "s")[0], Title);
        table["trim"] = Trim;
        table["center"] = Center;
        table["replace"] = Replace;
        table["format"] = Format;
        table["indent"] = Indent;
        table["truncate"] = Truncate;
        table["wordwrap"] = TextWrap.Filter;
        table["wordcount"] = WordCount;
        table["striptags"] = (_, args) => Html.StripTags(Ops.Str(args.Bind("do_striptags", 1, "value")[0]));
    }

    /// <summary>A filter that is the method of str of the same name.</summary>
    private static BuiltinCode Method(string name) => (state, args) =>
    {
        object text = Filters.SoftText(args.Bind("do_" + name, 1, "s")[0]);
        return StringMethods.Find(text, name)!.Code(state, CallArgs.Of());
    };

    /// <summary>Applies code to text and keeps it Markup if it was.</summary>
    private static object Keep(object? value, Func<string, string> code)
    {
        string result = code(Ops.Str(value));
        return value is Markup ? new Markup(result) : result;
    }

    private static string Title(string s)
    {
        Budget.ChargeText(s.Length);
        var sb = new StringBuilder(s.Length);
        int start = 0;
        for (int i = 0; i <= s.Length; i++)
        {
            bool separator = i < s.Length && ("-({[<".Contains(s[i]) || Unicode.IsSpace(s[i]));
            if (i < s.Length && !separator)
                continue;
            if (i > start)
            {
                int first = Unicode.CodeAt(s, start) > 0xFFFF ? 2 : 1;
                sb.Append(StringMethods.Upper(s.Substring(start, first)));
                sb.Append(StringMethods.Lower(s[(start + first)..i]));
            }

            if (separator)
                sb.Append(s[i]);
            start = i + 1;
        }

        return sb.ToString();
    }

    private static object? Trim(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_trim", 1, "value", "chars");
        string? chars = null;
        if (Filters.Given(a[1]) && a[1] is not null)
            chars = Ops.Text(a[1]) ?? throw TemplateException.Type("strip arg must be None or str");
        return Keep(a[0], s => StringSplit.Strip(s, chars, true, true));
    }

    private static object? Center(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_center", 1, "value", "width");
        int width = Filters.Given(a[1]) ? Num.Index(a[1]) : 80;
        return Keep(a[0], s => StringMethods.Justify("center", s, width, " "));
    }

    private static object? Replace(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_replace", 3, "s", "old", "new", "count");
        int count = Filters.Given(a[3]) && a[3] is not null ? Num.Index(a[3]) : -1;
        if (!state.AutoEscape)
            return StringSearch.Replace(Ops.Str(a[0]), Ops.Str(a[1]), Ops.Str(a[2]), count);
        object text = a[1] is Markup || (a[2] is Markup && a[0] is not Markup)
            ? Html.EscapeValue(a[0])
            : Filters.SoftText(a[0]);
        string replacement = text is Markup ? Html.EscapeValue(a[2]).Text : Ops.Str(a[2]);
        string result = StringSearch.Replace(Ops.Str(text), Ops.Str(a[1]), replacement, count);
        return text is Markup ? new Markup(result) : result;
    }

    private static object? Format(RenderState state, CallArgs args)
    {
        if (args.Positional.Length == 0)
            throw TemplateException.Type("do_format() missing required argument: 'value'");
        if (args.Positional.Length > 1 && args.KeywordCount > 0)
            throw Filters.ArgumentError("can't handle positional and keyword arguments at the same time");
        object? values = new TemplateTuple(args.Positional[1..]);
        if (args.KeywordCount > 0)
        {
            var dict = new TemplateDict();
            foreach ((string key, object? value) in args.Keywords!)
                dict.Set(key, value);
            values = dict;
        }

        return Arithmetic.Binary("%", Filters.SoftText(args.Positional[0]), values);
    }

    private static object? Indent(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_indent", 1, "s", "width", "first", "blank");
        object? width = Filters.Given(a[1]) ? a[1] : Num.Box(4);
        string indention = Ops.Text(width) ?? Arithmetic.RepeatText(" ", Math.Max(0, Num.Index(width)));
        bool first = Filters.Given(a[2]) && Ops.Truth(a[2]);
        bool blank = Filters.Given(a[3]) && Ops.Truth(a[3]);
        if (a[0] is Undefined undefined)
            throw undefined.Fail();
        if (Ops.Text(a[0]) is not string text)
        {
            throw a[0] is TemplateList
                ? new TemplateException(
                    TemplateErrorKind.AttributeError, "'list' object has no attribute 'splitlines'")
                : TemplateException.Type(
                    $"unsupported operand type(s) for +=: '{Ops.TypeName(a[0])}' and 'str'");
        }

        if (a[0] is Markup)
            indention = Html.EscapeValue(width is Markup ? width : indention).Text;
        List<object?> lines = StringSplit.Lines(text + "\n", keepEnds: false);
        var sb = new StringBuilder(first ? indention : "");
        for (int i = 0; i < lines.Count; i++)
        {
            string line = (string)lines[i]!;
            if (i > 0)
                sb.Append('\n');
            if (i > 0 && (blank || line.Length > 0))
                sb.Append(indention);
            Budget.ChargeText(indention.Length + line.Length);
            sb.Append(line);
        }

        return a[0] is Markup ? new Markup(sb.ToString()) : sb.ToString();
    }

    private static object? Truncate(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_truncate", 1, "s", "length", "killwords", "end", "leeway");
        int length = Filters.Given(a[1]) ? Num.Index(a[1]) : 255;
        bool killWords = Filters.Given(a[2]) && Ops.Truth(a[2]);
        string end = Filters.Given(a[3]) ? StringSearch.Required(a[3], "end") : "...";
        int leeway = Filters.Given(a[4]) && a[4] is not null ? Num.Index(a[4]) : 5;
        int endLength = Unicode.Length(end);
        if (length < endLength)
        {
            throw new TemplateException(
                TemplateErrorKind.AssertionError, $"expected length >= {endLength}, got {length}");
        }

        if (leeway < 0)
            throw new TemplateException(TemplateErrorKind.AssertionError, $"expected leeway >= 0, got {leeway}");
        if (Ops.Len(a[0]) <= (long)length + leeway)
            return a[0];
        string text = Ops.Text(a[0])
            ?? throw TemplateException.Type($"'{Ops.TypeName(a[0])}' object is not a string");
        string kept = text[..Unicode.UnitIndex(text, length - endLength)];
        if (!killWords)
            kept = (string)StringSplit.SplitLast(kept, " ", 1)[0]!;
        return a[0] is Markup ? new Markup(kept + Html.EscapeValue(a[3] is Markup ? a[3] : end).Text) : kept + end;
    }

    private static object? WordCount(RenderState state, CallArgs args)
    {
        string text = Ops.Str(args.Bind("do_wordcount", 1, "s")[0]);
        Budget.ChargeText(text.Length);
        int count = 0;
        bool inWord = false;
        foreach (int code in Unicode.Codes(text))
        {
            bool word = code == '_' || Unicode.IsAlnum(code);
            count += word && !inWord ? 1 : 0;
            inWord = word;
        }

        return Num.Box((long)count);
    }
}
