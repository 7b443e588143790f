namespace Engine.Grammar;

/// <summary>A compiled grammar over a vocabulary; shared by a request's outputs, safe to use concurrently.</summary>
internal sealed class GrammarProgram
{
    private const int MaxLikelyBytes = 48;

    [ThreadStatic]
    private static uint[]? _scratch;

    private readonly Network _network;
    private readonly TokenTrie _trie;
    private readonly (int Id, byte[] Text)[] _specials;

    /// <param name="network">The grammar.</param>
    /// <param name="trie">The vocabulary.</param>
    /// <param name="specials">Special tokens that count as text; the same for all programs of a network.</param>
    public GrammarProgram(Network network, TokenTrie trie, (int Id, byte[] Text)[]? specials = null)
    {
        _specials = [.. (specials ?? []).Where(special => trie.Text(special.Id).IsEmpty)];
        _network = network;
        _trie = trie;
    }

    /// <summary>Before any text.</summary>
    public PositionSet Start => _network.Start;

    /// <summary>The tokens that may come next; remembered with the positions.</summary>
    public TokenMask Mask(PositionSet at) => at.Mask ?? MakeMask(at, null)!;

    /// <summary>The same within the thread's work budget: null if that is spent before the mask is known.</summary>
    public TokenMask? TryMask(PositionSet at) => at.Mask ?? MakeMask(at, null);

    /// <summary>
    /// Makes masks ahead, nearest to the beginning first, so that the engine's loop finds them: what takes longest is
    /// what many tokens lead to. Once for a network.
    /// </summary>
    /// <param name="milliseconds">After which no further one is begun.</param>
    public void Prepare(int milliseconds)
    {
        if (!_network.TryPrepare())
        {
            return;
        }

        long begun = Environment.TickCount64;
        List<PositionSet> known = [Start];
        var seen = new HashSet<PositionSet>(known);
        List<PositionSet> targets = [];
        try
        {
            for (int i = 0; i < known.Count && Environment.TickCount64 - begun < milliseconds; i++)
            {
                targets.Clear();
                MakeMask(known[i], targets);
                known.AddRange(targets.Where(seen.Add));
            }
        }
        catch (EngineException)
        {
            // Too many positions are open somewhere: an output that comes there ends, others need not.
        }
    }

    /// <summary>Where only one text may come next: the longest token that begins it; -1 if there is none.</summary>
    public int Likely(PositionSet at)
    {
        if (at.Scan.IsActive)
        {
            return -1;
        }

        if (at.Likely is not { } token)
        {
            Span<byte> text = stackalloc byte[MaxLikelyBytes];
            int length = _network.OnlyText(at, text);
            token = length == 0 ? -1 : _trie.LongestPrefix(text[..length]);
            at.Likely = WorkBudget.IsSpent ? null : token;
        }

        return token;
    }

    private static ReadOnlySpan<byte> Letters(int count) =>
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"u8[..Math.Min(count, 64)];

    private TokenMask? MakeMask(PositionSet at, List<PositionSet>? targets)
    {
        if (WorkBudget.IsSpent)
        {
            return null;
        }

        if (_scratch is null || _scratch.Length < _trie.MaskLength)
        {
            _scratch = new uint[_trie.MaskLength];
        }

        if (at.Scan.IsActive)
        {
            return MakeUniqueMask(at);
        }

        Span<uint> bits = _scratch.AsSpan(0, _trie.MaskLength);
        if (!_trie.Fill(_network, at, bits, targets))
        {
            return null;
        }

        foreach ((int id, byte[] text) in _specials)
        {
            // Where any text of that length leads there, the mark would be no mark to who reads the output.
            if (_network.Step(at, text) is { } next && !ReferenceEquals(next, _network.Step(at, Letters(text.Length))))
            {
                bits[id >> 5] |= 1u << (id & 31);
                targets?.Add(next);
            }
        }

        return WorkBudget.IsSpent || (_network.HasMarks && !_trie.Unique.Filter(_network, at, bits))
            ? null
            : _network.Remember(at, bits);
    }

    /// <summary>The mask of the place in any text, without what this text has had; kept with this text alone.</summary>
    private TokenMask? MakeUniqueMask(PositionSet at)
    {
        int set = _network.Enter(at, out StepTables tables);
        if (TryMask(_network.Handle(tables, set)) is not { } known)
        {
            return null;
        }

        Span<uint> bits = _scratch.AsSpan(0, _trie.MaskLength);
        known.CopyTo(bits);
        if (!_trie.Unique.Filter(_network, at, bits))
        {
            return null;
        }

        at.Mask = known.Same(bits) ? known : TokenMask.Within(known, bits);
        return at.Mask;
    }

    /// <summary>Positions after a token; null if it does not fit, or the thread's work budget is spent.</summary>
    public PositionSet? Advance(PositionSet at, int token)
    {
        ReadOnlySpan<byte> text = _trie.Text(token);
        if (text.IsEmpty)
        {
            foreach ((int id, byte[] spelled) in _specials)
            {
                text = id == token ? spelled : text;
            }
        }

        return text.IsEmpty ? null : _network.Step(at, text);
    }
}
