using System.Text;
using System.Text.RegularExpressions;

namespace Engine.Tokenization.Templating;

/// <summary>urlencode, urlize and xmlattr.</summary>
internal static class WebFilters
{
    private const RegexOptions Linear = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;

    private static readonly System.Buffers.SearchValues<char> KeyEnds =
        System.Buffers.SearchValues.Create(" \t\n\r\f\v/>=");

    private static readonly Lazy<Regex> Link = new(() => new Regex(
        @"^((https?://|www\.)(([\w%-]+\.)+)?([a-z]{2,63}|xn--[\w%]{2,59})"
        + @"|([\w%-]{2,63}\.)+(com|net|int|edu|gov|org|info|mil)"
        + @"|(https?://)((([\d]{1,3})(\.[\d]{1,3}){3})|(\[([\da-f]{0,4}:){2}([\da-f]{0,4}:?){1,6}])))"
        + @"(?::[\d]{1,5})?(?:[/?#]\S*)?$",
        Linear | RegexOptions.IgnoreCase));

    private static readonly Lazy<Regex> Mail = new(() => new Regex(@"^\S+@\w[\w.-]*\.\w+$", Linear));

    public static void AddTo(Dictionary<string, BuiltinCode> table)
    {
        table["urlencode"] = UrlEncode;
        table["urlize"] = UrlizeFilter;
        table["xmlattr"] = XmlAttributes;
    }

    private static string UrlEncode(RenderState state, CallArgs args)
    {
        object? value = args.Bind("do_urlencode", 1, "value")[0];
        if (Ops.Text(value) is not null || Ops.TryIterate(value) is null)
            return Quote(value, forQuery: false);
        if (value is TemplateDict dict)
            value = new DictView(dict, DictViewKind.Items);
        var parts = new List<string>();
        foreach (object? item in Ops.Iterate(value))
        {
            List<object?> pair = Ops.ToList(item);
            if (pair.Count != 2)
            {
                throw TemplateException.Value(pair.Count < 2
                    ? $"not enough values to unpack (expected 2, got {pair.Count})"
                    : "too many values to unpack (expected 2)");
            }

            parts.Add(Quote(pair[0], true) + "=" + Quote(pair[1], true));
        }

        return string.Join('&', parts);
    }

    private static string Quote(object? value, bool forQuery)
    {
        string text = Ops.Str(value);
        Budget.ChargeText(12L * text.Length);
        byte[] bytes = value is TemplateBytes raw ? raw.Data : Encoding.UTF8.GetBytes(text);
        var sb = new StringBuilder(bytes.Length);
        foreach (byte b in bytes)
        {
            char c = (char)b;
            if (char.IsAsciiLetterOrDigit(c) || "_.-~".Contains(c) || (c == '/' && !forQuery))
                sb.Append(c);
            else if (c == ' ' && forQuery)
                sb.Append('+');
            else
                sb.Append('%').Append(b.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
        }

        return sb.ToString();
    }

    private static object? XmlAttributes(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_xmlattr", 1, "d", "autospace");
        if (a[0] is Undefined undefined)
            throw undefined.Fail();
        if (a[0] is not TemplateDict dict)
        {
            throw new TemplateException(
                TemplateErrorKind.AttributeError, $"'{Ops.TypeName(a[0])}' object has no attribute 'items'");
        }

        var items = new List<string>();
        foreach ((object? key, object? value) in dict.Entries)
        {
            if (value is null or Undefined)
                continue;
            string name = Ops.Text(key) ?? throw TemplateException.Type("expected string or bytes-like object");
            if (name.AsSpan().ContainsAny(KeyEnds))
                throw TemplateException.Value($"Invalid character in attribute name: {Repr.Quote(name)}");
            items.Add($"{Html.EscapeValue(key).Text}=\"{Html.EscapeValue(value).Text}\"");
        }

        string text = string.Join(' ', items);
        bool space = !Filters.Given(a[1]) || Ops.Truth(a[1]);
        if (space && text.Length > 0)
            text = " " + text;
        return state.AutoEscape ? new Markup(text) : text;
    }

    private static object? UrlizeFilter(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind(
            "do_urlize", 1, "value", "trim_url_limit", "nofollow", "target", "rel", "extra_schemes");
        var rel = new SortedSet<string>(StringComparer.Ordinal) { "noopener" };
        if (Filters.Given(a[4]) && a[4] is not null)
            rel.UnionWith(StringSplit.Words(Ops.Str(a[4]), -1).Select(w => (string)w!));
        if (Filters.Given(a[2]) && Ops.Truth(a[2]))
            rel.Add("nofollow");
        string attributes = $" rel=\"{Html.Escape(string.Join(' ', rel))}\"";
        if (Filters.Given(a[3]) && Ops.Truth(a[3]))
            attributes += $" target=\"{Html.EscapeValue(a[3]).Text}\"";
        int limit = Filters.Given(a[1]) && a[1] is not null ? Num.Index(a[1]) : int.MaxValue;
        List<string> schemes = Filters.Given(a[5]) && Ops.Truth(a[5])
            ? Ops.ToList(a[5]).ConvertAll(Ops.Str) : [];
        foreach (string scheme in schemes)
        {
            if (!Regex.IsMatch(scheme, @"^([\w.+-]{2,}:(/){0,2})\z", Linear))
                throw Filters.ArgumentError($"{Repr.Quote(scheme)} is not a valid URI scheme prefix.");
        }

        string text = Html.EscapeValue(a[0]).Text;
        Budget.ChargeText(8L * text.Length);
        var sb = new StringBuilder();
        for (int i = 0; i < text.Length;)
        {
            int start = i;
            bool space = Unicode.IsSpace(text[i]);
            while (i < text.Length && Unicode.IsSpace(text[i]) == space)
                i++;
            sb.Append(space ? text[start..i] : Word(text[start..i], limit, attributes, schemes));
        }

        return state.AutoEscape ? new Markup(sb.ToString()) : sb.ToString();
    }

    private static string Word(string word, int limit, string attributes, List<string> schemes)
    {
        int head = 0;
        while (Starts(word, head, "(", "<", "&lt;") is int length && length > 0)
            head += length;
        string middle = word[head..];
        int end = middle.Length;
        while (Ends(middle, end, ")", ">", ".", ",", "\n", "&gt;") is int length && length > 0)
            end -= length;
        string tail = middle[end..];
        middle = middle[..end];
        foreach ((string open, string close) in new[] { ("(", ")"), ("<", ">"), ("&lt;", "&gt;") })
        {
            int opened = StringSearch.CountIn(middle, open);
            if (opened <= StringSearch.CountIn(middle, close))
                continue;
            for (int n = Math.Min(opened, StringSearch.CountIn(tail, close)); n > 0; n--)
            {
                int cut = tail.IndexOf(close, StringComparison.Ordinal) + close.Length;
                middle += tail[..cut];
                tail = tail[cut..];
            }
        }

        return word[..head] + Anchor(middle, limit, attributes, schemes) + tail;
    }

    private static int Starts(string s, int at, params ReadOnlySpan<string> prefixes)
    {
        foreach (string prefix in prefixes)
        {
            if (s.AsSpan(at).StartsWith(prefix))
                return prefix.Length;
        }

        return 0;
    }

    private static int Ends(string s, int end, params ReadOnlySpan<string> suffixes)
    {
        foreach (string suffix in suffixes)
        {
            if (s.AsSpan(0, end).EndsWith(suffix))
                return suffix.Length;
        }

        return 0;
    }

    private static string Anchor(string url, int limit, string attributes, List<string> schemes)
    {
        if (Link.Value.IsMatch(url))
        {
            string shown = Unicode.Length(url) > limit ? url[..Unicode.UnitIndex(url, limit)] + "..." : url;
            bool hasScheme = url.StartsWith("https://", StringComparison.Ordinal)
                || url.StartsWith("http://", StringComparison.Ordinal);
            return $"<a href=\"{(hasScheme ? "" : "https://")}{url}\"{attributes}>{shown}</a>";
        }

        if (url.StartsWith("mailto:", StringComparison.Ordinal) && Mail.Value.IsMatch(url[7..]))
            return $"<a href=\"{url}\">{url[7..]}</a>";
        bool address = url.Contains('@') && !url.StartsWith("www.", StringComparison.Ordinal)
            && !url.StartsWith('@') && !url.Contains(':') && Mail.Value.IsMatch(url);
        if (address)
            return $"<a href=\"mailto:{url}\">{url}</a>";
        foreach (string scheme in schemes)
        {
            if (url != scheme && url.StartsWith(scheme, StringComparison.Ordinal))
                url = $"<a href=\"{url}\"{attributes}>{url}</a>";
        }

        return url;
    }
}
