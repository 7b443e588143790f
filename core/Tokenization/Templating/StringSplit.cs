using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>str methods that cut and join text.</summary>
internal static class StringSplit
{
    public static void AddTo(Dictionary<string, MethodCode> table)
    {
        table["strip"] = (_, self, args) => Strip((string)self!, args.Plain("strip", 0, 1), true, true);
        table["lstrip"] = (_, self, args) => Strip((string)self!, args.Plain("lstrip", 0, 1), true, false);
        table["rstrip"] = (_, self, args) => Strip((string)self!, args.Plain("rstrip", 0, 1), false, true);
        table["split"] = (_, self, args) => SplitCall("split", (string)self!, args);
        table["rsplit"] = (_, self, args) => SplitCall("rsplit", (string)self!, args);
        table["splitlines"] = (_, self, args) =>
        {
            object?[] a = args.Bind("splitlines", 0, "keepends");
            return new TemplateList(Lines((string)self!, a[0] != CallArgs.Missing && Ops.Truth(a[0])));
        };
        table["partition"] = (_, self, args) => Partition("partition", (string)self!, args, last: false);
        table["rpartition"] = (_, self, args) => Partition("rpartition", (string)self!, args, last: true);
        table["join"] = (_, self, args) => Join((string)self!, args.Plain("join", 1, 1)[0]);
    }

    private static string Strip(string s, object?[] a, bool start, bool end)
    {
        if (a.Length == 0 || a[0] is null)
            return Strip(s, (string?)null, start, end);
        string chars = Ops.Text(a[0])
            ?? throw TemplateException.Type("strip arg must be None or str");
        return Strip(s, chars, start, end);
    }

    public static string Strip(string s, string? chars, bool start, bool end)
    {
        Budget.ChargeText(s.Length);
        int from = 0;
        int to = s.Length;
        if (chars is null || (!Unicode.HasSurrogates(chars) && !Unicode.HasSurrogates(s)))
        {
            while (start && from < to && Matches(s[from], chars))
                from++;
            while (end && to > from && Matches(s[to - 1], chars))
                to--;
            return s[from..to];
        }

        int[] codes = Unicode.Codes(s);
        var set = new HashSet<int>(Unicode.Codes(chars));
        to = codes.Length;
        while (start && from < to && set.Contains(codes[from]))
            from++;
        while (end && to > from && set.Contains(codes[to - 1]))
            to--;
        return Unicode.FromCodes(codes.AsSpan(from, to - from));
    }

    private static bool Matches(char c, string? chars) => chars?.Contains(c) ?? Unicode.IsSpace(c);

    private static TemplateList SplitCall(string name, string s, CallArgs args)
    {
        object?[] a = args.Bind(name, 0, "sep", "maxsplit");
        int max = a[1] == CallArgs.Missing ? -1 : Num.Index(a[1]);
        if (a[0] == CallArgs.Missing || a[0] is null)
            return new TemplateList(name == "split" ? Words(s, max) : LastWords(s, max));
        string separator = StringSearch.Required(a[0], "must be str or None, not");
        if (separator.Length == 0)
            throw TemplateException.Value("empty separator");
        return new TemplateList(name == "split" ? Split(s, separator, max) : SplitLast(s, separator, max));
    }

    private static void Add(List<object?> parts, string part)
    {
        Budget.ChargeText(part.Length);
        parts.Add(part);
    }

    private static List<object?> Split(string s, string separator, int max)
    {
        var parts = new List<object?>();
        int pos = 0;
        for (int at; max != 0 && (at = s.IndexOf(separator, pos, StringComparison.Ordinal)) >= 0; max--)
        {
            Add(parts, s[pos..at]);
            pos = at + separator.Length;
        }

        Add(parts, s[pos..]);
        return parts;
    }

    public static List<object?> SplitLast(string s, string separator, int max)
    {
        var parts = new List<object?>();
        int end = s.Length;
        for (; max != 0 && end >= separator.Length; max--)
        {
            int at = s.AsSpan(0, end).LastIndexOf(separator);
            if (at < 0)
                break;
            Add(parts, s[(at + separator.Length)..end]);
            end = at;
        }

        Add(parts, s[..end]);
        parts.Reverse();
        return parts;
    }

    public static List<object?> Words(string s, int max)
    {
        var parts = new List<object?>();
        int pos = 0;
        while (true)
        {
            while (pos < s.Length && Unicode.IsSpace(s[pos]))
                pos++;
            if (pos >= s.Length)
                return parts;
            if (max-- == 0)
            {
                Add(parts, s[pos..]);
                return parts;
            }

            int start = pos;
            while (pos < s.Length && !Unicode.IsSpace(s[pos]))
                pos++;
            Add(parts, s[start..pos]);
        }
    }

    private static List<object?> LastWords(string s, int max)
    {
        var parts = new List<object?>();
        int end = s.Length;
        while (true)
        {
            while (end > 0 && Unicode.IsSpace(s[end - 1]))
                end--;
            if (end == 0)
                break;
            if (max-- == 0)
            {
                Add(parts, s[..end]);
                break;
            }

            int stop = end;
            while (end > 0 && !Unicode.IsSpace(s[end - 1]))
                end--;
            Add(parts, s[end..stop]);
        }

        parts.Reverse();
        return parts;
    }

    public static List<object?> Lines(string s, bool keepEnds)
    {
        var lines = new List<object?>();
        for (int pos = 0; pos < s.Length;)
        {
            int end = pos;
            while (end < s.Length && !IsLineBreak(s[end]))
                end++;
            int next = Math.Min(end + 1, s.Length);
            if (next < s.Length && s[end] == '\r' && s[next] == '\n')
                next++;
            Add(lines, s[pos..(keepEnds ? next : end)]);
            pos = next;
        }

        return lines;
    }

    private static bool IsLineBreak(char c) =>
        c is >= '\n' and <= '\r' or >= '\x1c' and <= '\x1e' or '\x85' or '\u2028' or '\u2029';

    private static TemplateTuple Partition(string name, string s, CallArgs args, bool last)
    {
        string separator = StringSearch.Required(args.Plain(name, 1, 1)[0], "argument");
        if (separator.Length == 0)
            throw TemplateException.Value("empty separator");
        Budget.ChargeText(s.Length);
        int at = last
            ? s.LastIndexOf(separator, StringComparison.Ordinal)
            : s.IndexOf(separator, StringComparison.Ordinal);
        if (at < 0)
            return last ? new TemplateTuple("", "", s) : new TemplateTuple(s, "", "");
        return new TemplateTuple(s[..at], separator, s[(at + separator.Length)..]);
    }

    private static string Join(string separator, object? items)
    {
        var sb = new StringBuilder();
        List<object?> list = Ops.ToList(Ops.TryIterate(items) is null
            ? throw TemplateException.Type("can only join an iterable")
            : items);
        for (int i = 0; i < list.Count; i++)
        {
            string part = Ops.Text(list[i]) ?? throw TemplateException.Type(
                $"sequence item {i}: expected str instance, {Ops.TypeName(list[i])} found");
            Budget.ChargeText(part.Length + separator.Length);
            if (i > 0)
                sb.Append(separator);
            sb.Append(part);
        }

        return sb.ToString();
    }
}
