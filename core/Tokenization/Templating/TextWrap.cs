namespace Engine.Tokenization.Templating;

/// <summary>wordwrap: Python's textwrap, paragraph by paragraph.</summary>
internal static class TextWrap
{
    public static object? Filter(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind(
            "do_wordwrap", 1, "s", "width", "break_long_words", "wrapstring", "break_on_hyphens");
        int width = Filters.Given(a[1]) ? Num.Index(a[1]) : 79;
        bool breakLong = !Filters.Given(a[2]) || Ops.Truth(a[2]);
        string between = Filters.Given(a[3]) && a[3] is not null
            ? StringSearch.Required(a[3], "wrapstring") : "\n";
        bool hyphens = !Filters.Given(a[4]) || Ops.Truth(a[4]);
        if (a[0] is Undefined undefined)
            throw undefined.Fail();
        string text = Ops.Text(a[0]) ?? throw new TemplateException(
            TemplateErrorKind.AttributeError, $"'{Ops.TypeName(a[0])}' object has no attribute 'splitlines'");
        var paragraphs = new List<string>();
        foreach (object? line in StringSplit.Lines(text, keepEnds: false))
            paragraphs.Add(string.Join(between, Wrap((string)line!, width, breakLong, hyphens)));
        string result = string.Join(between, paragraphs);
        return a[0] is Markup ? new Markup(result) : result;
    }

    private static List<string> Wrap(string text, int width, bool breakLong, bool hyphens)
    {
        if (width <= 0)
            throw TemplateException.Value($"invalid width {width} (must be > 0)");
        Budget.ChargeText(4L * text.Length);
        var chunks = new Stack<string>(Chunks(text, hyphens).Reverse<string>());
        var lines = new List<string>();
        while (chunks.Count > 0)
        {
            Budget.Charge(1);
            var line = new List<string>();
            int length = 0;
            if (lines.Count > 0 && IsBlank(chunks.Peek()))
                chunks.Pop();
            while (chunks.TryPeek(out string? chunk) && length + Unicode.Length(chunk) <= width)
            {
                length += Unicode.Length(chunk);
                line.Add(chunks.Pop());
            }

            if (chunks.TryPeek(out string? next) && Unicode.Length(next) > width)
                LongWord(chunks, line, width - length, breakLong, hyphens);
            if (line.Count > 0 && IsBlank(line[^1]))
                line.RemoveAt(line.Count - 1);
            if (line.Count > 0)
                lines.Add(string.Concat(line));
        }

        return lines;
    }

    private static bool IsBlank(string s) => s.All(Unicode.IsSpace);

    private static void LongWord(
        Stack<string> chunks, List<string> line, int space, bool breakLong, bool hyphens)
    {
        if (!breakLong)
        {
            if (line.Count == 0)
                line.Add(chunks.Pop());
            return;
        }

        string chunk = chunks.Pop();
        int end = Unicode.UnitIndex(chunk, space);
        if (hyphens && Unicode.Length(chunk) > space)
        {
            int hyphen = end > 0 ? chunk.LastIndexOf('-', end - 1) : -1;
            if (hyphen > 0 && chunk[..hyphen].Any(c => c != '-'))
                end = hyphen + 1;
        }

        line.Add(chunk[..end]);
        chunks.Push(chunk[end..]);
    }

    private static bool IsBreak(char c) => c is '\t' or '\n' or '\v' or '\f' or '\r' or ' ';

    private static bool IsWord(char c) => c == '_' || char.IsSurrogate(c) || Unicode.IsAlnum(c);

    private static bool IsLetter(char c) => IsWord(c) && !char.IsDigit(c);

    private static bool IsWordOrPunctuation(char c) => IsWord(c) || "!\"'&.,?".Contains(c);

    /// <summary>Cuts text into words, hyphenated parts, dashes and white space.</summary>
    private static List<string> Chunks(string s, bool hyphens)
    {
        var chunks = new List<string>();
        for (int i = 0; i < s.Length;)
        {
            int end = i;
            if (IsBreak(s[i]))
            {
                while (end < s.Length && IsBreak(s[end]))
                    end++;
            }
            else if (!hyphens)
            {
                while (end < s.Length && !IsBreak(s[end]))
                    end++;
            }
            else if (i > 0 && IsWordOrPunctuation(s[i - 1]) && DashEnd(s, i) is int dash && dash > 0)
            {
                end = dash;
            }
            else
            {
                end = WordEnd(s, i);
            }

            chunks.Add(s[i..end]);
            i = end;
        }

        return chunks;
    }

    /// <summary>End of two or more dashes that a word follows, or 0.</summary>
    private static int DashEnd(string s, int i)
    {
        int end = i;
        while (end < s.Length && s[end] == '-')
            end++;
        return end - i >= 2 && end < s.Length && IsWord(s[end]) ? end : 0;
    }

    private static int WordEnd(string s, int start)
    {
        for (int j = start + 1; ; j++)
        {
            if (j >= s.Length || IsBreak(s[j]))
                return Math.Min(j, s.Length);
            if (s[j] == '-' && IsHyphen(s, j))
                return j + 1;
            if (IsWordOrPunctuation(s[j - 1]) && DashEnd(s, j) > 0)
                return j;
        }
    }

    private static bool IsHyphen(string s, int j)
    {
        bool before = (j >= 2 && IsLetter(s[j - 1]) && IsLetter(s[j - 2]))
            || (j >= 3 && IsLetter(s[j - 3]) && s[j - 2] == '-' && IsWordOrPunctuation(s[j - 1]));
        int p = j + 1;
        if (!before || p >= s.Length || !IsLetter(s[p]))
            return false;
        p++;
        if (p < s.Length && s[p] == '-')
            p++;
        return p < s.Length && IsLetter(s[p]);
    }
}
