using System.Text;

namespace Engine.Grammar;

/// <summary>What a grammar, a regular expression or a schema is made of before it becomes a network.</summary>
internal abstract record Node
{
    /// <summary>The empty text.</summary>
    public static Node Empty { get; } = new Sequence([]);

    /// <summary>No text at all.</summary>
    public static Node Never { get; } = new Choice([]);

    public static Node Text(string text) => new Literal(Encoding.UTF8.GetBytes(text));

    public static Node Chars(CharSet set) => new CharClass(set);

    public static Node Seq(params IEnumerable<Node> parts) => new Sequence([.. parts]);

    public static Node Any(params IEnumerable<Node> options) => new Choice([.. options]);

    /// <summary>From min to max times; max below 0 is without bound.</summary>
    public static Node Times(Node node, int min, int max) => new Repeat(node, min, max);

    public static Node Star(Node node) => new Repeat(node, 0, -1);

    public static Node Optional(Node node) => new Repeat(node, 0, 1);

    /// <summary>Some bytes.</summary>
    internal sealed record Literal(byte[] Bytes) : Node;

    /// <summary>One character of a set, as UTF-8.</summary>
    internal sealed record CharClass(CharSet Set) : Node;

    /// <summary>One after another.</summary>
    internal sealed record Sequence(Node[] Parts) : Node;

    /// <summary>One of several.</summary>
    internal sealed record Choice(Node[] Options) : Node;

    /// <summary>Again and again.</summary>
    internal sealed record Repeat(Node Body, int Min, int Max) : Node;

    /// <summary>One byte of a range, which need not be a whole character.</summary>
    internal sealed record ByteRange(byte Low, byte High) : Node;

    /// <summary>An automaton whose edges are nodes; it starts in state 0.</summary>
    internal sealed record Graph(int NumStates, GraphEdge[] Edges, int[] Finals) : Node;

    /// <summary>Nothing to read, but a state that has a mark.</summary>
    internal sealed record Marked(StateMark Mark) : Node;

    /// <summary>A rule, which may be defined later and refer to itself.</summary>
    internal sealed record Rule(int Index) : Node;
}

/// <summary>An edge of a <see cref="Node.Graph"/>.</summary>
internal readonly record struct GraphEdge(int From, Node Via, int To);
