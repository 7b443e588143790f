using System.Runtime.CompilerServices;
using System.Text;
using Engine.Tokenization;

namespace Engine.Grammar;

/// <summary>
/// A vocabulary's byte strings, arranged for masks: tokens of plain text by length, which are taken all at once
/// where plain text fits, and tries of the others. Immutable; made once per tokenizer.
/// </summary>
internal sealed class TokenTrie
{
    // Characters: where at least so many fit, whatever they are, plain tokens up to this length are not walked.
    private static readonly int[] Lengths = [PlainText.MaxReach, 16, 8, 4, 2, 1, 0];

    private static readonly ConditionalWeakTable<ITokenizer, TokenTrie> Known = [];

    private readonly byte[]?[] _texts;
    private readonly int[] _sorted;
    private readonly TriePart[] _longer;
    private readonly TriePart _others;
    private readonly uint[][] _plainUpTo;
    private readonly Lazy<UniqueTokens> _unique;

    /// <param name="texts">Bytes by id; null or empty is never allowed (special tokens).</param>
    public TokenTrie(byte[]?[] texts)
    {
        _texts = texts;
        int[] ids = [.. Enumerable.Range(0, texts.Length).Where(id => texts[id] is { Length: > 0 })];
        Array.Sort(ids, (a, b) => texts[a].AsSpan().SequenceCompareTo(texts[b]));
        _sorted = ids;
        var plain = new int[texts.Length];
        foreach (int id in ids)
        {
            plain[id] = PlainLength(texts[id]);
        }

        _plainUpTo = [.. Enumerable.Range(0, PlainText.MaxReach + 1)
            .Select(length => MaskOf(ids.Where(id => plain[id] <= length)))];
        _longer = [.. Lengths.Select(length => new TriePart(
            texts, ids.Where(id => plain[id] > length && plain[id] != int.MaxValue), isPlain: true))];
        _unique = new Lazy<UniqueTokens>(() => new UniqueTokens(texts, ids));
        _others = new TriePart(texts, ids.Where(id => plain[id] == int.MaxValue), isPlain: false);
    }

    /// <summary>For arrays whose items have to differ; made when first asked for.</summary>
    public UniqueTokens Unique => _unique.Value;

    /// <summary>Ids are below it.</summary>
    public int VocabSize => _texts.Length;

    /// <summary>32-bit words of a mask.</summary>
    public int MaskLength => (VocabSize + 31) / 32;

    /// <summary>Memory it takes, roughly.</summary>
    public long SizeBytes =>
        _longer.Sum(part => part.SizeBytes) + _others.SizeBytes + _plainUpTo.Sum(mask => 4L * mask.Length)
        + (_unique.IsValueCreated ? _unique.Value.SizeBytes : 0)
        + _texts.Sum(text => text is null ? 8L : 32 + text.Length);

    /// <summary>The trie of a tokenizer.</summary>
    public static TokenTrie Of(ITokenizer tokenizer) =>
        Known.GetValue(tokenizer, static t => new TokenTrie(TokenBytes.Of(t)));

    /// <summary>What a token adds to the text; empty for tokens that add none.</summary>
    public ReadOnlySpan<byte> Text(int id) =>
        (uint)id < (uint)_texts.Length ? _texts[id] : default(ReadOnlySpan<byte>);

    /// <summary>The longest token that a text begins with; -1 if there is none.</summary>
    public int LongestPrefix(ReadOnlySpan<byte> text)
    {
        for (; text.Length > 0; text = text[..^1])
        {
            int low = 0;
            int high = _sorted.Length - 1;
            while (low <= high)
            {
                int middle = (low + high) >>> 1;
                int order = text.SequenceCompareTo(_texts[_sorted[middle]]);
                if (order == 0)
                {
                    return _sorted[middle];
                }

                (low, high) = order < 0 ? (low, middle - 1) : (middle + 1, high);
            }
        }

        return -1;
    }

    /// <summary>Sets the bit of each token that may come next, and no other.</summary>
    /// <param name="network">Where.</param>
    /// <param name="from">What is open.</param>
    /// <param name="mask">[MaskLength] gets the bits.</param>
    /// <param name="targets">Gets what may be open after one token more, or some of it; null does not ask.</param>
    /// <returns>False if the work budget is spent: the mask is not complete then.</returns>
    public bool Fill(
        Network network, PositionSet from, Span<uint> mask, ICollection<PositionSet>? targets = null)
    {
        int at = network.Enter(from, out StepTables tables);
        StepTables first = tables;
        HashSet<int>? found = targets is null ? null : [];
        int reach = Math.Min(network.Plain.Reach(network, tables, at), PlainText.MaxReach);
        if (tables.Facts(at) is { PlainEnds: true, PlainReach: <= PlainText.MaxReach })
        {
            // No longer plain token fits either.
            _plainUpTo[reach].CopyTo(mask);
        }
        else
        {
            int slice = 0;
            while (Lengths[slice] > reach)
            {
                slice++;
            }

            _plainUpTo[Lengths[slice]].CopyTo(mask);
            if (!_longer[slice].Fill(network, ref tables, ref at, mask, found))
            {
                return false;
            }
        }

        if (!_others.Fill(network, ref tables, ref at, mask, found))
        {
            return false;
        }

        if (targets is not null && ReferenceEquals(first, tables))
        {
            network.AddHandles(tables, found!, targets);
            if (reach > 0 && network.Step(from, "a"u8) is { } inside)
            {
                targets.Add(inside);
            }
        }

        return true;
    }

    /// <summary>Characters of a text that is plain; the largest number if it is not.</summary>
    private static int PlainLength(ReadOnlySpan<byte> text)
    {
        int length = 0;
        while (!text.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(text, out Rune rune, out int used) != System.Buffers.OperationStatus.Done
                || !PlainText.IsPlain(rune.Value))
            {
                return int.MaxValue;
            }

            text = text[used..];
            length++;
        }

        return length;
    }

    private uint[] MaskOf(IEnumerable<int> ids)
    {
        var mask = new uint[MaskLength];
        foreach (int id in ids)
        {
            mask[id >> 5] |= 1u << (id & 31);
        }

        return mask;
    }
}
