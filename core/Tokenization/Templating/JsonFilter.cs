using System.Globalization;
using System.Numerics;
using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>tojson: json.dumps without HTML escapes and with ensure_ascii off by default.</summary>
internal sealed class JsonFilter
{
    private readonly StringBuilder _out = new();
    private bool _ascii;
    private string? _indent;
    private string _itemSeparator = ", ";
    private string _keySeparator = ": ";
    private bool _sortKeys;

    public static object? ToJson(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("tojson", 1, "x", "ensure_ascii", "indent", "separators", "sort_keys");
        var json = new JsonFilter
        {
            _ascii = Filters.Given(a[1]) && Ops.Truth(a[1]),
            _sortKeys = Filters.Given(a[4]) && Ops.Truth(a[4]),
        };
        if (Filters.Given(a[2]) && a[2] is not null)
        {
            json._indent = Ops.Text(a[2]) ?? (Num.IsInt(a[2])
                ? Arithmetic.RepeatText(" ", Math.Max(0, Num.Index(a[2])))
                : throw TemplateException.Type(
                    $"can't multiply sequence by non-int of type '{Ops.TypeName(a[2])}'"));
            json._itemSeparator = ",";
        }

        if (Filters.Given(a[3]) && a[3] is not null)
            json.SetSeparators(Ops.ToList(a[3]));
        json.Write(a[0], 0);
        return json._out.ToString();
    }

    private void SetSeparators(List<object?> separators)
    {
        if (separators.Count != 2)
        {
            throw TemplateException.Value(separators.Count < 2
                ? $"not enough values to unpack (expected 2, got {separators.Count})"
                : "too many values to unpack (expected 2)");
        }

        _itemSeparator = StringSearch.Required(separators[0], "item_separator");
        _keySeparator = StringSearch.Required(separators[1], "key_separator");
    }

    private void Write(object? v, int depth)
    {
        Budget.Charge(1);
        Budget.CheckDepth(depth);
        switch (v)
        {
            case string or Markup:
                Text(Ops.Text(v)!);
                break;
            case null or bool or long or BigInteger or double:
                _out.Append(Scalar(v));
                break;
            case TemplateList list:
                Items(list.Items, depth);
                break;
            case TemplateTuple tuple:
                Items(tuple.Items, depth);
                break;
            case TemplateDict dict:
                Dict(dict, depth);
                break;
            default:
                throw TemplateException.Type($"Object of type {Ops.TypeName(v)} is not JSON serializable");
        }
    }

    private static string Scalar(object? v) => v switch
    {
        null => "null",
        bool b => b ? "true" : "false",
        double d when double.IsNaN(d) => "NaN",
        double d when double.IsInfinity(d) => d > 0 ? "Infinity" : "-Infinity",
        double d => FloatFormat.Repr(d),
        BigInteger n => Num.ToText(n),
        _ => ((long)v).ToString(CultureInfo.InvariantCulture),
    };

    private void NewLine(int depth)
    {
        if (_indent is null)
            return;
        Budget.ChargeText((long)_indent.Length * depth);
        _out.Append('\n').Insert(_out.Length, _indent, depth);
    }

    private void Items(IList<object?> items, int depth)
    {
        if (items.Count == 0)
        {
            _out.Append("[]");
            return;
        }

        _out.Append('[');
        for (int i = 0; i < items.Count; i++)
        {
            if (i > 0)
                _out.Append(_itemSeparator);
            NewLine(depth + 1);
            Write(items[i], depth + 1);
        }

        NewLine(depth);
        _out.Append(']');
    }

    private void Dict(TemplateDict dict, int depth)
    {
        if (dict.Count == 0)
        {
            _out.Append("{}");
            return;
        }

        IEnumerable<object?> entries = new DictView(dict, DictViewKind.Items).Enumerate();
        if (_sortKeys)
            entries = Comparison.Sort(entries.ToList(), e => ((TemplateTuple)e!).Items[0], reverse: false);
        _out.Append('{');
        bool first = true;
        foreach (object? entry in entries)
        {
            object?[] pair = ((TemplateTuple)entry!).Items;
            if (!first)
                _out.Append(_itemSeparator);
            first = false;
            NewLine(depth + 1);
            Text(Key(pair[0]));
            _out.Append(_keySeparator);
            Write(pair[1], depth + 1);
        }

        NewLine(depth);
        _out.Append('}');
    }

    private static string Key(object? key)
    {
        if (Ops.Text(key) is string text)
            return text;
        return key is null or bool or long or BigInteger or double
            ? Scalar(key)
            : throw TemplateException.Type(
                $"keys must be str, int, float, bool or None, not {Ops.TypeName(key)}");
    }

    private void Text(string s)
    {
        Budget.ChargeText(s.Length);
        _out.Append('"');
        foreach (char c in s)
        {
            int escape = "\"\\\n\r\t\b\f".IndexOf(c);
            if (escape >= 0)
                _out.Append('\\').Append("\"\\nrtbf"[escape]);
            else if (c < ' ' || (_ascii && c > '~'))
                _out.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
            else
                _out.Append(c);
        }

        _out.Append('"');
    }
}
