namespace Engine.Grammar;

/// <summary>A compiled grammar over a vocabulary; shared by a request's outputs, safe to use concurrently.</summary>
internal sealed class GrammarProgram
{
    [ThreadStatic]
    private static uint[]? _scratch;

    private readonly Network _network;
    private readonly TokenTrie _trie;

    public GrammarProgram(Network network, TokenTrie trie)
    {
        _network = network;
        _trie = trie;
    }

    /// <summary>Before any text.</summary>
    public PositionSet Start => _network.Start;

    /// <summary>The tokens that may come next; remembered with the positions.</summary>
    public TokenMask Mask(PositionSet at)
    {
        if (at.Mask is { } known)
        {
            return known;
        }

        if (_scratch is null || _scratch.Length < _trie.MaskLength)
        {
            _scratch = new uint[_trie.MaskLength];
        }

        Span<uint> bits = _scratch.AsSpan(0, _trie.MaskLength);
        _trie.Fill(_network, at, bits);
        return _network.Remember(at, bits);
    }

    /// <summary>Positions after a token; null if it does not fit.</summary>
    public PositionSet? Advance(PositionSet at, int token)
    {
        PositionSet? next = at;
        ReadOnlySpan<byte> text = _trie.Text(token);
        for (int i = 0; i < text.Length && next is not null; i++)
        {
            next = _network.Step(next, text[i]);
        }

        return text.IsEmpty ? null : next;
    }
}
