using System.Net;
using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>HTML escaping as markupsafe does it.</summary>
internal static class Html
{
    public static string Escape(string s)
    {
        if (s.AsSpan().IndexOfAny("&<>'\"") < 0)
            return s;
        Budget.ChargeText(5L * s.Length);
        var sb = new StringBuilder(s.Length + 16);
        foreach (char c in s)
        {
            string? entity = c switch
            {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '\'' => "&#39;",
                '"' => "&#34;",
                _ => null,
            };
            if (entity is null)
                sb.Append(c);
            else
                sb.Append(entity);
        }

        return sb.ToString();
    }

    public static Markup EscapeValue(object? v) => v as Markup ?? new Markup(Escape(Ops.Str(v)));

    public static string Unescape(string s)
    {
        Budget.ChargeText(s.Length);
        return WebUtility.HtmlDecode(s);
    }

    /// <summary>Removes comments, then tags, and folds white space.</summary>
    public static string StripTags(string s)
    {
        Budget.ChargeText(4L * s.Length);
        string text = Cut(Cut(s, "<!--", "-->"), "<", ">");
        return Unescape(string.Join(' ', StringSplit.Words(text, -1)));
    }

    private static string Cut(string s, string open, string close)
    {
        var sb = new StringBuilder(s.Length);
        int pos = 0;
        while (true)
        {
            int start = s.IndexOf(open, pos, StringComparison.Ordinal);
            int end = start < 0 ? -1 : s.IndexOf(close, start, StringComparison.Ordinal);
            if (end < 0)
                return sb.Append(s, pos, s.Length - pos).ToString();
            sb.Append(s, pos, start - pos);
            pos = end + close.Length;
        }
    }
}
