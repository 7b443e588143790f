using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Engine.Grammar;

/// <summary>The parts of JSON text.</summary>
internal static class JsonNodes
{
    private static readonly CharSet MustEscape = CharSet.Of((0, 0x1F), ('"', '"'), ('\\', '\\'));

    private static readonly Node Digit = Node.Chars(CharSet.Digits);

    private static readonly Node Hex = Node.Chars(CharSet.Of(('0', '9'), ('A', 'F'), ('a', 'f')));

    /// <summary>White space between tokens.</summary>
    public static Node Space { get; } =
        Node.Star(Node.Chars(CharSet.Of((' ', ' '), ('\t', '\t'), ('\n', '\n'), ('\r', '\r'))));

    /// <summary>-?(0|[1-9][0-9]*)</summary>
    public static Node Integer { get; } = Node.Seq(
        Node.Optional(Node.Text("-")),
        Node.Any(Node.Text("0"), Node.Seq(Node.Chars(CharSet.Of(('1', '9'))), Node.Star(Digit))));

    /// <summary>Any number.</summary>
    public static Node Number { get; } = Node.Seq(
        Integer,
        Node.Optional(Node.Seq(Node.Text("."), Node.Times(Digit, 1, -1))),
        Node.Optional(Node.Seq(
            Node.Chars(CharSet.Of(('e', 'e'), ('E', 'E'))),
            Node.Optional(Node.Chars(CharSet.Of(('+', '+'), ('-', '-')))),
            Node.Times(Digit, 1, -1))));

    /// <summary>One character of a string in every spelling; half a surrogate pair counts as one.</summary>
    public static Node AnyChar { get; } = Node.Any(
        Node.Chars(MustEscape.Negate()),
        Node.Seq(Node.Text("\\"), Node.Chars(CharSet.Of("\"\\/bfnrt".Select(c => ((int)c, (int)c))))),
        Node.Seq(Node.Text("\\u"), Node.Times(Hex, 4, 4)));

    /// <summary>One code point in every spelling but escaped surrogates, so that lengths can be counted.</summary>
    public static Node CountedChar { get; } = Node.Any(
        Node.Chars(MustEscape.Negate()),
        Node.Seq(Node.Text("\\"), Node.Chars(CharSet.Of("\"\\/bfnrt".Select(c => ((int)c, (int)c))))),
        Node.Seq(
            Node.Text("\\u"),
            Node.Any(
                Node.Seq(
                    Node.Chars(CharSet.Of(('0', '9'), ('A', 'C'), ('E', 'F'), ('a', 'c'), ('e', 'f'))),
                    Node.Times(Hex, 3, 3)),
                Node.Seq(
                    Node.Chars(CharSet.Of(('D', 'D'), ('d', 'd'))),
                    Node.Chars(CharSet.Of(('0', '7'))),
                    Node.Times(Hex, 2, 2)))));

    /// <summary>Any character that has to be escaped, in its shortest spelling.</summary>
    public static Node AnyEscape { get; } = Node.Any(
        Enumerable.Range(0, 128).Select(c => (char)c).Where(NeedsEscape).Select(c => Node.Text(Escape(c))));

    public static Node AnyString { get; } = Quoted(Node.Star(AnyChar));

    public static bool NeedsEscape(char c) => c is '"' or '\\' or < ' ';

    public static Node Quoted(Node content) => Node.Seq(Node.Text("\""), content, Node.Text("\""));

    /// <summary>Tokens with white space between them.</summary>
    public static Node Spaced(params IEnumerable<Node> tokens)
    {
        var parts = new List<Node>();
        foreach (Node token in tokens)
        {
            if (parts.Count > 0)
            {
                parts.Add(Space);
            }

            parts.Add(token);
        }

        return Node.Seq(parts);
    }

    /// <summary>A member of an object.</summary>
    public static Node Member(Node key, Node value) => Spaced(key, Node.Text(":"), value);

    /// <summary>A set of code points inside a string, each in its shortest spelling.</summary>
    public static Node Chars(CharSet set)
    {
        var options = new List<Node> { Node.Chars(set.Except(MustEscape)) };
        foreach ((int low, int high) in set.Except(MustEscape.Negate()).Ranges)
        {
            for (int c = low; c <= high; c++)
            {
                options.Add(Node.Text(Escape((char)c)));
            }
        }

        return Node.Any(options);
    }

    /// <summary>Text over plain characters as text inside of a JSON string.</summary>
    public static Node Escaped(Node node) => node switch
    {
        Node.Literal literal => Node.Text(string.Concat(Encoding.UTF8.GetString(literal.Bytes).Select(
            c => NeedsEscape(c) ? Escape(c) : c.ToString()))),
        Node.CharClass chars => Chars(chars.Set),
        Node.Sequence sequence => Node.Seq(sequence.Parts.Select(Escaped)),
        Node.Choice choice => Node.Any(choice.Options.Select(Escaped)),
        Node.Repeat repeat => Node.Times(Escaped(repeat.Body), repeat.Min, repeat.Max),
        _ => throw new InvalidOperationException("a pattern has no rules"),
    };

    /// <summary>A text as a JSON string, in its shortest spelling.</summary>
    public static Node String(string text) => Node.Text(
        "\"" + string.Concat(text.Select(c => NeedsEscape(c) ? Escape(c) : c.ToString())) + "\"");

    /// <summary>A JSON value, white space allowed.</summary>
    public static Node Value(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => Spaced(Surround("{", value.EnumerateObject().Select(
            item => Member(String(item.Name), Value(item.Value))), "}")),
        JsonValueKind.Array => Spaced(Surround("[", value.EnumerateArray().Select(Value), "]")),
        JsonValueKind.String => String(value.GetString()!),
        JsonValueKind.Number => NumberValue(value),
        _ => Node.Text(value.GetRawText()),
    };

    private static IEnumerable<Node> Surround(string open, IEnumerable<Node> items, string close)
    {
        yield return Node.Text(open);
        bool first = true;
        foreach (Node item in items)
        {
            if (!first)
            {
                yield return Node.Text(",");
            }

            first = false;
            yield return item;
        }

        yield return Node.Text(close);
    }

    private static Node NumberValue(JsonElement value)
    {
        string raw = value.GetRawText();
        return value.TryGetDecimal(out decimal exact) && exact == decimal.Truncate(exact)
            ? Node.Any(new[] { raw, exact.ToString("0", CultureInfo.InvariantCulture) }.Distinct().Select(Node.Text))
            : Node.Text(raw);
    }

    /// <summary>The shortest spelling of a character that cannot stand for itself.</summary>
    public static string Escape(char c) => c switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\b' => "\\b",
        '\f' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => $"\\u{(int)c:x4}",
    };
}
