using Engine.Tokenization.Text;

namespace Engine.Tokenization.Models;

/// <summary>
/// BPE as the sentencepiece library does it: neighbours merge if they spell a piece, the piece with
/// the highest score first. User-defined pieces are found first and never merge.
/// </summary>
internal sealed class SentencePieceBpeModel : TokenModel
{
    private const int SpaceSign = 0x2581;
    private readonly SentencePieceVocabulary _pieces;
    private readonly MergeTable _merges;
    private readonly StringTrie _userDefined = new();
    private readonly Dictionary<int, int> _charIds = [];
    private readonly Dictionary<int, int> _virtualChars = [];
    private readonly Dictionary<int, List<int>> _unusedParts = [];
    private readonly int[]? _byteIds;
    private readonly bool _splitsAtSpace = true;
    private readonly WordCache _cache = new();

    public SentencePieceBpeModel(SentencePieceVocabulary pieces)
    {
        _pieces = pieces;
        _byteIds = pieces.ByteFallback ? BpeModel.FindByteTokens(pieces.Ids) : null;
        List<(int Left, int Right, int Id)> merges = [];
        for (int id = 0; id < pieces.Count; id++)
        {
            int[] text = CodePoints.FromUtf16(pieces.Piece(id));
            if (pieces.Kind(id) == PieceKind.UserDefined && text.Length > 0)
            {
                _userDefined.Add(text, id);
                _splitsAtSpace &= text[^1] != SpaceSign && !CrossesSpace(text);
            }
            else if (Merges(id))
            {
                _splitsAtSpace &= !CrossesSpace(text);
                AddSplits(text, id, merges);
            }
        }

        float[] scores = new float[merges.Count];
        for (int i = 0; i < scores.Length; i++)
        {
            scores[i] = pieces.Score(merges[i].Id);
        }

        // Equal scores get equal ranks: among those the leftmost pair merges first.
        float[] order = [.. scores.Distinct().OrderDescending()];
        Dictionary<float, int> ranks = [];
        for (int i = 0; i < order.Length; i++)
        {
            ranks[order[i]] = i;
        }

        _merges = new MergeTable(merges.Count);
        for (int i = 0; i < scores.Length; i++)
        {
            _merges.Set(merges[i].Left, merges[i].Right, ranks[scores[i]], merges[i].Id);
        }

        for (int id = 0; id < pieces.Count; id++)
        {
            if (pieces.Kind(id) == PieceKind.Unused)
            {
                _unusedParts[id] = SplitUnused(id);
            }
        }
    }

    public override IReadOnlyDictionary<string, int> Vocabulary => _pieces.Ids;

    public override int UnknownId => _pieces.UnknownId;

    public override bool KeepsSourceText(int id) => id == _pieces.UnknownId;

    public override void Tokenize(ReadOnlySpan<int> word, TokenList output)
    {
        if (!_splitsAtSpace)
        {
            Part(word, output);
            return;
        }

        // No piece goes on from another character to a space sign, so neither does any merge.
        int from = 0;
        for (int i = 1; i <= word.Length; i++)
        {
            if (i == word.Length || (word[i] == SpaceSign && word[i - 1] != SpaceSign))
            {
                Part(word[from..i], output);
                from = i;
            }
        }
    }

    private static bool CrossesSpace(int[] text)
    {
        for (int i = 1; i < text.Length; i++)
        {
            if (text[i] == SpaceSign && text[i - 1] != SpaceSign)
            {
                return true;
            }
        }

        return false;
    }

    private bool Merges(int id) => _pieces.Kind(id) is PieceKind.Normal or PieceKind.Unused
        && _pieces.Ids[_pieces.Piece(id)] == id;

    // A part is a piece or a single character, which need not be a piece to become part of one.
    private void AddSplits(int[] text, int id, List<(int Left, int Right, int Id)> merges)
    {
        if (text.Length == 1)
        {
            _charIds[text[0]] = id;
        }

        for (int cut = 1; cut < text.Length; cut++)
        {
            int left = PartId(text.AsSpan(0, cut));
            int right = left < 0 ? -1 : PartId(text.AsSpan(cut));
            if (right >= 0)
            {
                merges.Add((left, right, id));
            }
        }
    }

    private int PartId(ReadOnlySpan<int> text)
    {
        string spelled = CodePoints.ToUtf16(text);
        if (_pieces.Ids.TryGetValue(spelled, out int id) && Merges(id))
        {
            return id;
        }

        return text.Length == 1 ? Virtual(text[0]) : -1;
    }

    private int Virtual(int c)
    {
        if (!_virtualChars.TryGetValue(c, out int id))
        {
            _virtualChars.Add(c, id = _pieces.Count + 1 + _virtualChars.Count);
        }

        return id;
    }

    private void Part(ReadOnlySpan<int> text, TokenList output)
    {
        bool cached = text.Length <= WordCache.MaxWordLength;
        uint hash = cached ? WordCache.Hash(text) : 0;
        if (cached && _cache.Find(text, hash) is WordCache.Entry entry)
        {
            output.Add(entry.Ids, entry.Lengths);
            return;
        }

        int from = output.Count;
        MergeWorkspace symbols = output.Merges;
        symbols.Clear();
        AddSymbols(text, symbols);
        Emit(text, symbols, output);
        if (cached)
        {
            _cache.Store(text, hash, output, from);
        }
    }

    // User-defined pieces are marked by an id that no merge knows, and restored afterwards.
    private void AddSymbols(ReadOnlySpan<int> text, MergeWorkspace symbols)
    {
        int frozen = _pieces.Count + 1 + _virtualChars.Count + 1;
        for (int at = 0; at < text.Length;)
        {
            int found = LongestUserDefined(text[at..], out int length);
            if (found >= 0)
            {
                symbols.Add(frozen + found, Bytes(text.Slice(at, length)));
                at += length;
                continue;
            }

            int c = text[at++];
            int id = _charIds.TryGetValue(c, out int known) ? known
                : _virtualChars.TryGetValue(c, out known) ? known : _pieces.Count;
            symbols.Add(id, CodePoints.Utf8Length(c));
        }
    }

    private void Emit(ReadOnlySpan<int> text, MergeWorkspace symbols, TokenList output)
    {
        int frozen = _pieces.Count + 1 + _virtualChars.Count + 1;
        symbols.Merge(_merges);
        ByteWalk walk = new(text);
        int unknownBytes = 0;
        for (int i = 0; i < symbols.Count; i++)
        {
            (int id, int length) = symbols[i];
            (int start, int end) = walk.Take(length);
            id = id >= frozen ? id - frozen : id;
            if (id >= _pieces.Count)
            {
                unknownBytes = AddUnknown(text[start..end], length, unknownBytes, output);
                continue;
            }

            FlushUnknown(ref unknownBytes, output);
            if (_unusedParts.TryGetValue(id, out List<int>? parts))
            {
                AddParts(parts, output);
            }
            else
            {
                output.Add(id, length);
            }
        }

        FlushUnknown(ref unknownBytes, output);
    }

    private int AddUnknown(ReadOnlySpan<int> text, int length, int unknownBytes, TokenList output)
    {
        if (_byteIds is null)
        {
            return unknownBytes + length;
        }

        Span<byte> utf8 = stackalloc byte[4];
        int n = CodePoints.EncodeUtf8(text[0], utf8);
        for (int i = 0; i < n; i++)
        {
            int id = _byteIds[utf8[i]];
            output.Add(id >= 0 ? id : Math.Max(UnknownId, 0), 1);
        }

        return 0;
    }

    private void FlushUnknown(ref int bytes, TokenList output)
    {
        if (bytes > 0 && UnknownId >= 0)
        {
            output.Add(UnknownId, bytes);
        }

        bytes = 0;
    }

    private void AddParts(List<int> parts, TokenList output)
    {
        foreach (int part in parts)
        {
            bool known = part < _pieces.Count;
            int bytes = known ? Bytes(CodePoints.FromUtf16(_pieces.Piece(part))) : 1;
            if (known || UnknownId >= 0)
            {
                output.Add(known ? part : UnknownId, bytes);
            }
        }
    }

    /// <summary>What an unused piece was merged of, down to used pieces.</summary>
    private List<int> SplitUnused(int id)
    {
        List<int> symbols = [];
        foreach (int c in CodePoints.FromUtf16(_pieces.Piece(id)))
        {
            symbols.Add(_charIds.TryGetValue(c, out int known) ? known
                : _virtualChars.GetValueOrDefault(c, _pieces.Count));
        }

        while (symbols.Count > 1)
        {
            int best = -1;
            int bestRank = MergeTable.NoRank;
            int bestId = -1;
            for (int i = 0; i + 1 < symbols.Count; i++)
            {
                int rank = _merges.Find(symbols[i], symbols[i + 1], out int merged);
                if (rank < bestRank && merged != id)
                {
                    (best, bestRank, bestId) = (i, rank, merged);
                }
            }

            if (best < 0)
            {
                break;
            }

            symbols[best] = bestId;
            symbols.RemoveAt(best + 1);
        }

        List<int> parts = [];
        foreach (int symbol in symbols)
        {
            bool unused = symbol != id && symbol < _pieces.Count
                && _pieces.Kind(symbol) == PieceKind.Unused;
            parts.AddRange(unused ? SplitUnused(symbol) : [symbol]);
        }

        return parts;
    }

    private int LongestUserDefined(ReadOnlySpan<int> text, out int length)
    {
        length = 0;
        int found = -1;
        int node = 0;
        for (int i = 0; i < text.Length && (node = _userDefined.Next(node, text[i])) >= 0; i++)
        {
            if (_userDefined.Value(node) >= 0)
            {
                found = _userDefined.Value(node);
                length = i + 1;
            }
        }

        return found;
    }

    private static int Bytes(ReadOnlySpan<int> codes)
    {
        int bytes = 0;
        foreach (int c in codes)
        {
            bytes += CodePoints.Utf8Length(c);
        }

        return bytes;
    }
}
