using System.Runtime.CompilerServices;
using System.Text;
using Engine.Tokenization;

namespace Engine.Grammar;

/// <summary>
/// A vocabulary's byte strings as a trie in preorder: a whole subtree is stepped over at once when its first
/// byte does not fit. Immutable; made once per tokenizer.
/// </summary>
internal sealed class TokenTrie
{
    private static readonly ConditionalWeakTable<ITokenizer, TokenTrie> Known = [];

    private readonly byte[] _bytes;
    private readonly int[] _ends;
    private readonly int[] _firstTokens;
    private readonly int[] _tokens;
    private readonly byte[]?[] _texts;
    private readonly int _maxDepth;

    /// <param name="texts">Bytes by id; null or empty is never allowed (special tokens).</param>
    public TokenTrie(byte[]?[] texts)
    {
        _texts = texts;
        int[] ids = [.. Enumerable.Range(0, texts.Length).Where(id => texts[id] is { Length: > 0 })];
        System.Array.Sort(ids, (a, b) => texts[a].AsSpan().SequenceCompareTo(texts[b]));
        var bytes = new List<byte>();
        var ends = new List<int>();
        var first = new List<int>();
        var tokens = new List<int>();
        var path = new List<int>();
        byte[] before = [];
        foreach (int id in ids)
        {
            byte[] text = texts[id]!;
            int common = before.AsSpan().CommonPrefixLength(text);
            Close(path, ends, bytes.Count, common);
            for (int i = common; i < text.Length; i++)
            {
                path.Add(bytes.Count);
                bytes.Add(text[i]);
                ends.Add(0);
                first.Add(tokens.Count);
            }

            tokens.Add(id);
            _maxDepth = Math.Max(_maxDepth, text.Length);
            before = text;
        }

        Close(path, ends, bytes.Count, 0);
        first.Add(tokens.Count);
        _bytes = [.. bytes];
        _ends = [.. ends];
        _firstTokens = [.. first];
        _tokens = [.. tokens];
    }

    /// <summary>Ids are below it.</summary>
    public int VocabSize => _texts.Length;

    /// <summary>32-bit words of a mask.</summary>
    public int MaskLength => (VocabSize + 31) / 32;

    /// <summary>The trie of a tokenizer.</summary>
    public static TokenTrie Of(ITokenizer tokenizer) =>
        Known.GetValue(tokenizer, static t => new TokenTrie(TokenBytes.Of(t)));

    /// <summary>What a token adds to the text; empty for tokens that add none.</summary>
    public ReadOnlySpan<byte> Text(int id) =>
        (uint)id < (uint)_texts.Length ? _texts[id] : default(ReadOnlySpan<byte>);

    /// <summary>Sets the bit of each token that may come next.</summary>
    public void Fill(Network network, PositionSet from, Span<uint> mask)
    {
        mask.Clear();
        var open = new PositionSet[_maxDepth + 1];
        var closes = new int[_maxDepth + 1];
        open[0] = from;
        closes[0] = _bytes.Length;
        int depth = 0;
        for (int node = 0; node < _bytes.Length;)
        {
            while (node >= closes[depth])
            {
                depth--;
            }

            PositionSet? next = network.Step(open[depth], _bytes[node]);
            if (next is null)
            {
                node = _ends[node];
                continue;
            }

            for (int t = _firstTokens[node]; t < _firstTokens[node + 1]; t++)
            {
                int id = _tokens[t];
                mask[id >> 5] |= 1u << (id & 31);
            }

            depth++;
            open[depth] = next;
            closes[depth] = _ends[node];
            node++;
        }
    }

    private static void Close(List<int> path, List<int> ends, int end, int depth)
    {
        for (int i = path.Count - 1; i >= depth; i--)
        {
            ends[path[i]] = end;
        }

        path.RemoveRange(depth, path.Count - depth);
    }
}
