using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>str.format and str.format_map; fields are looked up under the rules of the sandbox.</summary>
internal sealed class BraceFormat
{
    private readonly RenderState _state;
    private readonly object?[] _positional;
    private readonly object? _mapping;
    private readonly bool _escape;
    private int _auto;
    private bool _manual;

    private BraceFormat(RenderState state, object?[] positional, object? mapping, bool escape)
    {
        _state = state;
        _positional = positional;
        _mapping = mapping;
        _escape = escape;
    }

    public static string Format(RenderState state, string format, CallArgs args, bool escape)
    {
        var mapping = new TemplateDict();
        foreach ((string key, object? value) in args.Keywords ?? [])
            mapping.Set(key, value);
        return new BraceFormat(state, args.Positional, mapping, escape).Run(format, 2);
    }

    public static string FormatMap(RenderState state, string format, object? mapping, bool escape) =>
        new BraceFormat(state, [], mapping, escape).Run(format, 2);

    private string Run(string format, int depth)
    {
        if (depth < 0)
            throw TemplateException.Value("Max string recursion exceeded");
        Budget.ChargeText(format.Length);
        var sb = new StringBuilder();
        for (int i = 0; i < format.Length;)
        {
            char c = format[i++];
            if (c is not ('{' or '}'))
            {
                sb.Append(c);
            }
            else if (i < format.Length && format[i] == c)
            {
                sb.Append(c);
                i++;
            }
            else if (c == '}')
            {
                throw TemplateException.Value("Single '}' encountered in format string");
            }
            else
            {
                i = Field(format, i, sb, depth);
            }
        }

        return sb.ToString();
    }

    private int Field(string format, int start, StringBuilder sb, int depth)
    {
        if (start >= format.Length)
            throw TemplateException.Value("Single '{' encountered in format string");
        int nesting = 1;
        int end = start;
        bool bracket = false;
        int nameEnd = -1;
        for (; end < format.Length && nesting > 0; end++)
        {
            char c = format[end];
            if (nameEnd < 0 && c == '[')
                bracket = true;
            else if (bracket && c == ']')
                bracket = false;
            else if (!bracket && nameEnd < 0 && c is ':' or '!')
                nameEnd = end;
            else if (!bracket && c == '{')
                nesting++;
            else if (!bracket && c == '}')
                nesting--;
        }

        if (nesting > 0)
            throw TemplateException.Value("expected '}' before end of string");
        string name = format[start..(nameEnd < 0 ? end - 1 : nameEnd)];
        object? value = Lookup(name);
        int p = nameEnd < 0 ? end - 1 : nameEnd;
        char conversion = '\0';
        if (p < end - 1 && format[p] == '!')
        {
            if (p + 1 >= end - 1)
                throw TemplateException.Value("end of string while looking for conversion specifier");
            conversion = format[p + 1];
            p += 2;
            if (p < end - 1 && format[p] != ':')
                throw TemplateException.Value("expected ':' after conversion specifier");
        }

        string spec = p < end - 1 && format[p] == ':' ? Run(format[(p + 1)..(end - 1)], depth - 1) : "";
        if (_escape && value is Markup && spec.Length > 0)
            throw TemplateException.Value("Unsupported format specification for Markup.");
        string text = FormatSpec.Format(Convert(value, conversion), spec);
        sb.Append(_escape && value is not Markup ? Html.Escape(text) : text);
        return end;
    }

    private static object? Convert(object? value, char conversion) => conversion switch
    {
        '\0' => value,
        's' => Ops.Str(value),
        'r' => Repr.Of(null, value),
        'a' => Repr.Ascii(value),
        _ => throw TemplateException.Value($"Unknown conversion specifier {conversion}"),
    };

    private object? Lookup(string field)
    {
        int rest = field.IndexOfAny(['.', '[']);
        string first = rest < 0 ? field : field[..rest];
        object? value = First(first);
        int p = rest < 0 ? field.Length : rest;
        while (p < field.Length)
        {
            if (field[p] == '.')
            {
                int next = field.IndexOfAny(['.', '['], p + 1);
                next = next < 0 ? field.Length : next;
                if (next == p + 1)
                    throw TemplateException.Value("Empty attribute in format string");
                value = Attributes.GetAttribute(_state, value, field[(p + 1)..next]);
                p = next;
                continue;
            }

            if (field[p] != '[')
                throw TemplateException.Value("Only '.' or '[' may follow ']' in format field specifier");
            int close = field.IndexOf(']', p);
            if (close < 0)
                throw TemplateException.Value("Missing ']' in format string");
            string key = field[(p + 1)..close];
            if (key.Length == 0)
                throw TemplateException.Value("Empty attribute in format string");
            value = Attributes.GetItem(_state, value, IsNumber(key) ? Num.Box(Num.ParseDigits(key, 10)) : key);
            p = close + 1;
        }

        return value;
    }

    private static bool IsNumber(string s) => s.Length is > 0 and < 19 && s.All(char.IsAsciiDigit);

    private object? First(string name)
    {
        if (name.Length == 0)
        {
            if (_manual)
            {
                throw TemplateException.Value(
                    "cannot switch from manual field specification to automatic field numbering");
            }

            return Positional(_auto++);
        }

        if (IsNumber(name))
        {
            if (_auto > 0)
            {
                throw TemplateException.Value(
                    "cannot switch from automatic field numbering to manual field specification");
            }

            _manual = true;
            return Positional((int)Math.Min(int.MaxValue, long.Parse(
                name, System.Globalization.CultureInfo.InvariantCulture)));
        }

        if (_mapping is TemplateDict dict)
        {
            return dict.TryGet(name, out object? value)
                ? value
                : throw new TemplateException(TemplateErrorKind.KeyError, Repr.Quote(name));
        }

        return Attributes.GetItem(_state, _mapping, name);
    }

    private object? Positional(int index) => index < _positional.Length
        ? _positional[index]
        : throw new TemplateException(
            TemplateErrorKind.IndexError,
            $"Replacement index {index} out of range for positional args tuple");
}
