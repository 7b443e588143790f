using System.Globalization;
using System.Numerics;
using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>repr() of values, which is also how containers print.</summary>
internal static class Repr
{
    public static string Of(StringBuilder? reuse, object? v)
    {
        StringBuilder sb = reuse ?? new StringBuilder();
        Append(sb, v, 0);
        return reuse is null ? sb.ToString() : "";
    }

    public static string Quote(string s)
    {
        var sb = new StringBuilder(s.Length + 2);
        AppendQuoted(sb, s);
        return sb.ToString();
    }

    private static void Append(StringBuilder sb, object? v, int depth)
    {
        Budget.CheckDepth(depth);
        switch (v)
        {
            case string s:
                AppendQuoted(sb, s);
                break;
            case TemplateList list:
                AppendItems(sb, list.Items, '[', ']', depth);
                break;
            case TemplateTuple tuple:
                AppendItems(sb, tuple.Items, '(', ')', depth);
                break;
            case TemplateDict dict:
                AppendDict(sb, dict, depth);
                break;
            case DictView view:
                sb.Append(Ops.TypeName(view)).Append('(');
                AppendItems(sb, [.. view.Enumerate()], '[', ']', depth);
                sb.Append(')');
                break;
            case TemplateNamespace ns:
                sb.Append("<Namespace ");
                AppendDict(sb, ns.Attributes, depth);
                sb.Append('>');
                break;
            case Markup m:
                sb.Append("Markup(");
                AppendQuoted(sb, m.Text);
                sb.Append(')');
                break;
            case TemplateBytes bytes:
                AppendBytes(sb, bytes.Data);
                break;
            default:
                sb.Append(Scalar(v));
                break;
        }
    }

    private static string Scalar(object? v) => v switch
    {
        null => "None",
        bool b => b ? "True" : "False",
        long n => n.ToString(CultureInfo.InvariantCulture),
        BigInteger big => Num.ToText(big),
        double d => FloatFormat.Repr(d),
        Undefined => "Undefined",
        TemplateRange r => r.Step == 1
            ? string.Create(CultureInfo.InvariantCulture, $"range({r.Start}, {r.Stop})")
            : string.Create(CultureInfo.InvariantCulture, $"range({r.Start}, {r.Stop}, {r.Step})"),
        Macro m => m.Name is null ? "<Macro anonymous>" : $"<Macro {Quote(m.Name)}>",
        LoopContext loop => string.Create(
            CultureInfo.InvariantCulture, $"<LoopContext {loop.Index0 + 1}/{loop.Length}>"),
        TemplateReference => "<TemplateReference None>",
        Builtin { IsType: true } type => type.Name == "dict"
            ? "<class 'dict'>"
            : $"<class 'jinja2.utils.{char.ToUpperInvariant(type.Name[0])}{type.Name[1..]}'>",
        Builtin f => $"<function {f.Name}>",
        BoundMethod m => $"<built-in method {m.Name} of {Ops.TypeName(m.Self)} object>",
        _ => $"<{Ops.TypeName(v)} object>",
    };

    private static void AppendItems(
        StringBuilder sb, IList<object?> items, char open, char close, int depth)
    {
        sb.Append(open);
        for (int i = 0; i < items.Count; i++)
        {
            Budget.Charge(1);
            if (i > 0)
                sb.Append(", ");
            Append(sb, items[i], depth + 1);
        }

        if (open == '(' && items.Count == 1)
            sb.Append(',');
        sb.Append(close);
    }

    private static void AppendDict(StringBuilder sb, TemplateDict dict, int depth)
    {
        sb.Append('{');
        bool first = true;
        foreach ((object? key, object? value) in dict.Entries)
        {
            Budget.Charge(1);
            if (!first)
                sb.Append(", ");
            first = false;
            Append(sb, key, depth + 1);
            sb.Append(": ");
            Append(sb, value, depth + 1);
        }

        sb.Append('}');
    }

    private static void AppendQuoted(StringBuilder sb, string s)
    {
        Budget.ChargeText(s.Length);
        char quote = s.Contains('\'') && !s.Contains('"') ? '"' : '\'';
        sb.Append(quote);
        for (int i = 0; i < s.Length;)
        {
            int code = Unicode.CodeAt(s, i);
            i += code > 0xFFFF ? 2 : 1;
            AppendEscaped(sb, code, quote);
        }

        sb.Append(quote);
    }

    private static void AppendEscaped(StringBuilder sb, int code, char quote)
    {
        if (code == quote || code == '\\')
            sb.Append('\\').Append((char)code);
        else if (code is >= ' ' and < 127)
            sb.Append((char)code);
        else if (code is '\n' or '\r' or '\t')
            sb.Append('\\').Append(code == '\n' ? 'n' : code == '\r' ? 'r' : 't');
        else if (code > 127 && Unicode.IsPrintable(code))
            Unicode.Append(sb, code);
        else if (code < 0x100)
            sb.Append("\\x").Append(code.ToString("x2", CultureInfo.InvariantCulture));
        else if (code < 0x10000)
            sb.Append("\\u").Append(code.ToString("x4", CultureInfo.InvariantCulture));
        else
            sb.Append("\\U").Append(code.ToString("x8", CultureInfo.InvariantCulture));
    }

    /// <summary>ascii() of Python: the repr with everything else escaped.</summary>
    public static string Ascii(object? v)
    {
        var sb = new StringBuilder();
        string repr = Of(null, v);
        for (int i = 0; i < repr.Length;)
        {
            int code = Unicode.CodeAt(repr, i);
            i += code > 0xFFFF ? 2 : 1;
            if (code < 128)
                sb.Append((char)code);
            else
                sb.Append(code < 0x100 ? "\\x" : code < 0x10000 ? "\\u" : "\\U").Append(code.ToString(
                    code < 0x100 ? "x2" : code < 0x10000 ? "x4" : "x8", CultureInfo.InvariantCulture));
        }

        return sb.ToString();
    }

    private static void AppendBytes(StringBuilder sb, byte[] data)
    {
        Budget.ChargeText(data.Length);
        char quote = data.AsSpan().Contains((byte)'\'') && !data.AsSpan().Contains((byte)'"') ? '"' : '\'';
        sb.Append('b').Append(quote);
        foreach (byte b in data)
        {
            if (b < 127)
                AppendEscaped(sb, b, quote);
            else
                sb.Append("\\x").Append(b.ToString("x2", CultureInfo.InvariantCulture));
        }

        sb.Append(quote);
    }
}
