namespace Engine.Tokenization.Templating;

/// <summary>str methods that look for text: find, count, startswith, replace, removeprefix.</summary>
internal static class StringSearch
{
    public static void AddTo(Dictionary<string, MethodCode> table)
    {
        table["find"] = (_, self, args) => Num.Box(Find("find", (string)self!, args, last: false));
        table["rfind"] = (_, self, args) => Num.Box(Find("rfind", (string)self!, args, last: true));
        table["index"] = (_, self, args) => Num.Box(Found(Find("index", (string)self!, args, last: false)));
        table["rindex"] = (_, self, args) => Num.Box(Found(Find("rindex", (string)self!, args, last: true)));
        table["count"] = (_, self, args) => Count((string)self!, args);
        table["startswith"] = (_, self, args) => Affix("startswith", (string)self!, args, start: true);
        table["endswith"] = (_, self, args) => Affix("endswith", (string)self!, args, start: false);
        table["replace"] = (_, self, args) => ReplaceCall((string)self!, args);
        table["removeprefix"] = (_, self, args) => Remove("removeprefix", (string)self!, args);
        table["removesuffix"] = (_, self, args) => Remove("removesuffix", (string)self!, args);
    }

    public static string Required(object? v, string what) => Ops.Text(v)
        ?? throw TemplateException.Type(
            $"{what} must be str, not {Ops.TypeName(v)}");

    /// <summary>Code point indexes start and end of optional arguments, clamped as a slice is.</summary>
    private static (int Start, int End) Bounds(object?[] a, int first, int length)
    {
        int start = a.Length > first && a[first] is not null ? Slice.Index(a[first]) : 0;
        int end = a.Length > first + 1 && a[first + 1] is not null ? Slice.Index(a[first + 1]) : length;
        if (start < 0)
            start = Math.Max(0, start + length);
        if (end < 0)
            end = Math.Max(0, end + length);
        return (start, Math.Min(end, length));
    }

    private static int Found(int index) =>
        index >= 0 ? index : throw TemplateException.Value("substring not found");

    private static int Find(string name, string s, CallArgs args, bool last)
    {
        object?[] a = args.Plain(name, 1, 3);
        string sub = Required(a[0], "argument");
        Budget.ChargeText(s.Length);
        (int start, int end) = Bounds(a, 1, Unicode.Length(s));
        if (start > end)
            return -1;
        int from = Unicode.UnitIndex(s, start);
        string window = s[from..Unicode.UnitIndex(s, end)];
        int at = last
            ? LastIndex(window, sub)
            : window.IndexOf(sub, StringComparison.Ordinal);
        return at < 0 ? -1 : start + Unicode.CodeIndex(window, at);
    }

    private static int LastIndex(string s, string sub) =>
        sub.Length == 0 ? s.Length : s.LastIndexOf(sub, StringComparison.Ordinal);

    private static object Count(string s, CallArgs args)
    {
        object?[] a = args.Plain("count", 1, 3);
        string sub = Required(a[0], "argument");
        Budget.ChargeText(s.Length);
        (int start, int end) = Bounds(a, 1, Unicode.Length(s));
        if (start > end)
            return Num.Box(0);
        if (sub.Length == 0)
            return Num.Box(end - start + 1);
        string window = s[Unicode.UnitIndex(s, start)..Unicode.UnitIndex(s, end)];
        return Num.Box(CountIn(window, sub));
    }

    public static int CountIn(string s, string sub)
    {
        int n = 0;
        for (int i = s.IndexOf(sub, StringComparison.Ordinal); i >= 0; n++)
            i = s.IndexOf(sub, i + sub.Length, StringComparison.Ordinal);
        return n;
    }

    private static object Affix(string name, string s, CallArgs args, bool start)
    {
        object?[] a = args.Plain(name, 1, 3);
        object?[] candidates = a[0] is TemplateTuple tuple ? tuple.Items : [a[0]];
        (int from, int to) = a.Length > 1 ? Bounds(a, 1, Unicode.Length(s)) : (0, int.MaxValue);
        string window = s;
        if (a.Length > 1)
        {
            if (from > to)
                window = "\0";
            else
                window = s[Unicode.UnitIndex(s, from)..Unicode.UnitIndex(s, to)];
        }

        foreach (object? candidate in candidates)
        {
            string affix = Ops.Text(candidate) ?? throw TemplateException.Type(a[0] is TemplateTuple
                ? $"tuple for {name} must only contain str, not {Ops.TypeName(candidate)}"
                : $"{name} first arg must be str or a tuple of str, not {Ops.TypeName(candidate)}");
            if (from <= to && (start
                ? window.StartsWith(affix, StringComparison.Ordinal)
                : window.EndsWith(affix, StringComparison.Ordinal)))
            {
                return Num.True;
            }
        }

        return Num.False;
    }

    private static string ReplaceCall(string s, CallArgs args)
    {
        object?[] a = args.Plain("replace", 2, 3);
        return Replace(
            s,
            Required(a[0], "replace() argument 1"),
            Required(a[1], "replace() argument 2"),
            a.Length > 2 ? Num.Index(a[2]) : -1);
    }

    /// <summary>Replaces up to count occurrences; all of them if count is negative.</summary>
    public static string Replace(string s, string old, string replacement, int count)
    {
        Budget.ChargeText(s.Length);
        if (count == 0)
            return s;
        if (old.Length == 0)
            return Interleave(s, replacement, count);
        int found = CountIn(s, old);
        Budget.Charge(found / 16);
        Budget.ChargeText(s.Length + ((long)found * (replacement.Length - old.Length)));
        if (count < 0)
            return s.Replace(old, replacement, StringComparison.Ordinal);
        var sb = new System.Text.StringBuilder(s.Length);
        int pos = 0;
        for (; count > 0; count--)
        {
            int at = s.IndexOf(old, pos, StringComparison.Ordinal);
            if (at < 0)
                break;
            sb.Append(s, pos, at - pos).Append(replacement);
            pos = at + old.Length;
        }

        return sb.Append(s, pos, s.Length - pos).ToString();
    }

    private static string Interleave(string s, string replacement, int count)
    {
        Budget.Charge(s.Length / 16);
        Budget.ChargeText((long)s.Length * (replacement.Length + 1));
        var sb = new System.Text.StringBuilder(s.Length);
        int i = 0;
        while (true)
        {
            if (count != 0)
            {
                sb.Append(replacement);
                count--;
            }

            if (i >= s.Length)
                return sb.ToString();
            int code = Unicode.CodeAt(s, i);
            i += code > 0xFFFF ? 2 : 1;
            Unicode.Append(sb, code);
        }
    }

    private static string Remove(string name, string s, CallArgs args)
    {
        string affix = Required(args.Plain(name, 1, 1)[0], $"{name}() argument");
        if (name == "removeprefix")
            return s.StartsWith(affix, StringComparison.Ordinal) ? s[affix.Length..] : s;
        return affix.Length > 0 && s.EndsWith(affix, StringComparison.Ordinal) ? s[..^affix.Length] : s;
    }
}
