using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>pprint.pformat: the repr with sorted keys, broken into lines of at most 80 characters.</summary>
internal sealed class PrettyPrint
{
    private const int Width = 80;

    private readonly StringBuilder _out = new();

    public static string Format(object? value)
    {
        var p = new PrettyPrint();
        p.Write(Sorted(value, 0), 0, 0, 0);
        return p._out.ToString();
    }

    /// <summary>A copy of the value with its dicts sorted by key where the keys can be compared.</summary>
    private static object? Sorted(object? v, int depth)
    {
        Budget.CheckDepth(depth);
        Budget.Charge(1);
        switch (v)
        {
            case TemplateList list:
                return new TemplateList(list.Items.ConvertAll(i => Sorted(i, depth + 1)));
            case TemplateTuple tuple:
                return new TemplateTuple(Array.ConvertAll(tuple.Items, i => Sorted(i, depth + 1)));
            case TemplateDict dict:
                var copy = new TemplateDict();
                foreach (object? item in SortedItems(dict))
                {
                    object?[] pair = ((TemplateTuple)item!).Items;
                    copy.Set(pair[0], Sorted(pair[1], depth + 1));
                }

                return copy;
            default:
                return v;
        }
    }

    private static List<object?> SortedItems(TemplateDict dict)
    {
        List<object?> items = Ops.ToList(new DictView(dict, DictViewKind.Items));
        try
        {
            return Comparison.Sort(items, i => ((TemplateTuple)i!).Items[0], reverse: false);
        }
        catch (TemplateException e) when (e.Kind == TemplateErrorKind.TypeError)
        {
            return Comparison.Sort(
                items, i => Ops.TypeName(((TemplateTuple)i!).Items[0]), reverse: false);
        }
    }

    private void Write(object? v, int indent, int allowance, int level)
    {
        string repr = Repr.Of(null, v);
        if (Unicode.Length(repr) <= Width - indent - allowance)
        {
            _out.Append(repr);
            return;
        }

        switch (v)
        {
            case TemplateDict { Count: > 0 } dict:
                WriteDict(dict, indent, allowance + 1, level);
                break;
            case TemplateList list:
                WriteItems(list.Items, indent, allowance + 1, "[", "]", level);
                break;
            case TemplateTuple tuple:
                string close = tuple.Items.Length == 1 ? ",)" : ")";
                WriteItems(tuple.Items, indent, allowance + close.Length, "(", close, level);
                break;
            case string s when s.Length > 0:
                WriteText(s, indent, allowance, level);
                break;
            default:
                _out.Append(repr);
                break;
        }
    }

    private void NewLine(int indent)
    {
        Budget.ChargeText(indent);
        _out.Append(",\n").Append(' ', indent);
    }

    private void WriteItems(
        IList<object?> items, int indent, int allowance, string open, string close, int level)
    {
        _out.Append(open);
        for (int i = 0; i < items.Count; i++)
        {
            if (i > 0)
                NewLine(indent + 1);
            Write(items[i], indent + 1, i == items.Count - 1 ? allowance : 1, level + 1);
        }

        _out.Append(close);
    }

    private void WriteDict(TemplateDict dict, int indent, int allowance, int level)
    {
        _out.Append('{');
        int i = 0;
        foreach ((object? key, object? value) in dict.Entries)
        {
            if (i > 0)
                NewLine(indent + 1);
            string name = Repr.Of(null, key);
            _out.Append(name).Append(": ");
            i++;
            Write(value, indent + 1 + Unicode.Length(name) + 2, i == dict.Count ? allowance : 1, level + 1);
        }

        _out.Append('}');
    }

    /// <summary>Long text becomes several literals, cut at line ends and between words.</summary>
    private void WriteText(string s, int indent, int allowance, int level)
    {
        if (level == 0)
        {
            indent++;
            allowance++;
        }

        var pieces = new List<string>();
        List<object?> lines = StringSplit.Lines(s, keepEnds: true);
        for (int i = 0; i < lines.Count; i++)
        {
            bool last = i == lines.Count - 1;
            SplitLine((string)lines[i]!, Width - indent, last ? allowance : 0, pieces);
        }

        if (pieces.Count == 1)
        {
            _out.Append(pieces[0]);
            return;
        }

        if (level == 0)
            _out.Append('(');
        for (int i = 0; i < pieces.Count; i++)
            _out.Append(i > 0 ? "\n" + new string(' ', indent) : "").Append(pieces[i]);
        if (level == 0)
            _out.Append(')');
    }

    private static void SplitLine(string line, int width, int allowance, List<string> pieces)
    {
        string whole = Repr.Quote(line);
        if (Unicode.Length(whole) <= width - allowance)
        {
            pieces.Add(whole);
            return;
        }

        List<string> words = Words(line);
        string current = "";
        for (int j = 0; j < words.Count; j++)
        {
            Budget.Charge(1);
            string candidate = current + words[j];
            int max = width - (j == words.Count - 1 ? allowance : 0);
            if (Unicode.Length(Repr.Quote(candidate)) > max)
            {
                if (current.Length > 0)
                    pieces.Add(Repr.Quote(current));
                current = words[j];
            }
            else
            {
                current = candidate;
            }
        }

        if (current.Length > 0)
            pieces.Add(Repr.Quote(current));
    }

    /// <summary>Words together with the white space after them.</summary>
    private static List<string> Words(string line)
    {
        var words = new List<string>();
        int start = 0;
        int i = 0;
        while (i < line.Length)
        {
            while (i < line.Length && !Unicode.IsSpace(line[i]))
                i++;
            while (i < line.Length && Unicode.IsSpace(line[i]))
                i++;
            words.Add(line[start..i]);
            start = i;
        }

        return words;
    }
}
