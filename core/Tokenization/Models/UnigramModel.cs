using System.Text;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.Models;

/// <summary>
/// The unigram language model (Kudo 2018): the cut with the highest sum of scores, found by
/// dynamic programming over the characters.
/// </summary>
internal sealed class UnigramModel : TokenModel
{
    private const double UnknownPenalty = 10;
    private readonly Dictionary<string, int> _vocabulary;
    private readonly double[] _scores;
    private readonly StringTrie _trie = new();
    private readonly int _unknownId;
    private readonly int[]? _byteIds;
    private readonly double _unknownScore;
    private readonly bool _sentencePiece;

    /// <summary>A model as the tokenizers library has it: every piece is found in the text.</summary>
    /// <param name="pieces">Pieces in the order of their ids.</param>
    /// <param name="unknownId">Id of the unknown piece, or -1.</param>
    /// <param name="byteFallback">Unknown text becomes byte pieces where all exist.</param>
    public UnigramModel(List<(string Piece, double Score)> pieces, int unknownId, bool byteFallback)
    {
        _vocabulary = new Dictionary<string, int>(pieces.Count);
        _scores = new double[pieces.Count];
        double least = double.PositiveInfinity;
        for (int id = 0; id < pieces.Count; id++)
        {
            (string piece, double score) = pieces[id];
            _vocabulary[piece] = id;
            _scores[id] = score;
            least = Math.Min(least, score);
        }

        foreach ((string piece, int id) in _vocabulary)
        {
            if (piece.Length > 0)
            {
                _trie.Add(CodePoints.FromUtf16(piece), id);
            }
        }

        _unknownId = unknownId;
        _unknownScore = least - UnknownPenalty;
        _byteIds = byteFallback ? BpeModel.FindByteTokens(_vocabulary) : null;
    }

    /// <summary>
    /// A model as the sentencepiece library has it: control, unknown, byte and unused pieces are
    /// not found in the text, user-defined ones always are, and sums are kept in single precision.
    /// </summary>
    public UnigramModel(SentencePieceVocabulary pieces)
    {
        _sentencePiece = true;
        _vocabulary = pieces.Ids;
        _scores = new double[pieces.Count];
        float least = float.MaxValue;
        float most = float.MinValue;
        for (int id = 0; id < pieces.Count; id++)
        {
            if (pieces.Kind(id) == PieceKind.Normal)
            {
                least = Math.Min(least, pieces.Score(id));
                most = Math.Max(most, pieces.Score(id));
            }
        }

        for (int id = 0; id < pieces.Count; id++)
        {
            PieceKind kind = pieces.Kind(id);
            _scores[id] = kind == PieceKind.UserDefined
                ? (Encoding.UTF8.GetByteCount(pieces.Piece(id)) * most) - 0.1 : pieces.Score(id);
            if (kind is PieceKind.Normal or PieceKind.UserDefined && pieces.Piece(id).Length > 0)
            {
                _trie.Add(CodePoints.FromUtf16(pieces.Piece(id)), id);
            }
        }

        _unknownId = pieces.UnknownId;
        _unknownScore = least - (float)UnknownPenalty;
        _byteIds = pieces.ByteFallback ? BpeModel.FindByteTokens(_vocabulary) : null;
    }

    public override IReadOnlyDictionary<string, int> Vocabulary => _vocabulary;

    public override int UnknownId => _unknownId;

    public override bool KeepsSourceText(int id) => id == _unknownId;

    public override void Tokenize(ReadOnlySpan<int> word, TokenList output)
    {
        int n = word.Length;
        double[] best = new double[n + 1];
        int[] starts = new int[n + 1];
        int[] ids = new int[n + 1];
        Array.Fill(starts, -1);
        for (int at = 0; at < n; at++)
        {
            if (at > 0 && starts[at] < 0)
            {
                continue; // nothing ends here, which only a vocabulary without unknown can cause
            }

            bool single = false;
            int node = 0;
            for (int i = at; i < n && (node = _trie.Next(node, word[i])) >= 0; i++)
            {
                int id = _trie.Value(node);
                if (id >= 0)
                {
                    Offer(at, i + 1, id, best[at] + _scores[id], best, starts, ids);
                    single |= i == at;
                }
            }

            if (!single && _unknownId >= 0)
            {
                Offer(at, at + 1, _unknownId, best[at] + _unknownScore, best, starts, ids);
            }
        }

        if (n > 0 && starts[n] >= 0)
        {
            Emit(word, starts, ids, output);
        }
    }

    private void Offer(
        int start, int end, int id, double score, double[] best, int[] starts, int[] ids)
    {
        // In single precision different cuts tie more often, and the first one found is kept.
        score = _sentencePiece ? (float)score : score;
        if (starts[end] < 0 || score > best[end])
        {
            best[end] = score;
            starts[end] = start;
            ids[end] = id;
        }
    }

    private void Emit(ReadOnlySpan<int> word, int[] starts, int[] ids, TokenList output)
    {
        // The path is linked backwards; turn it round in place: next[start] = end.
        int n = word.Length;
        int[] next = new int[n + 1];
        for (int end = n; end > 0; end = starts[end])
        {
            next[starts[end]] = end;
        }

        for (int start = 0; start < n;)
        {
            int end = next[start];
            int id = ids[end];
            if (id != _unknownId || _unknownId < 0)
            {
                output.Add(id, Bytes(word[start..end]));
                start = end;
                continue;
            }

            // Neighbours that are unknown are one token.
            while (end < n && ids[next[end]] == _unknownId)
            {
                end = next[end];
            }

            AddUnknown(word[start..end], output);
            start = end;
        }
    }

    private void AddUnknown(ReadOnlySpan<int> text, TokenList output)
    {
        int bytes = Bytes(text);

        // Joined, the characters may be a piece after all.
        if (!_sentencePiece && _vocabulary.TryGetValue(CodePoints.ToUtf16(text), out int id))
        {
            output.Add(id, bytes);
            return;
        }

        if (_byteIds is null || !CanSpell(text))
        {
            output.Add(_unknownId, bytes);
            return;
        }

        Span<byte> utf8 = stackalloc byte[4];
        int left = bytes;
        foreach (int c in text)
        {
            int n = CodePoints.EncodeUtf8(c, utf8);
            for (int i = 0; i < n; i++)
            {
                // Each stands for all of the text; only the last moves on.
                output.Add(_byteIds[utf8[i]], --left > 0 ? -bytes : bytes);
            }
        }
    }

    private bool CanSpell(ReadOnlySpan<int> text)
    {
        Span<byte> utf8 = stackalloc byte[4];
        foreach (int c in text)
        {
            int n = CodePoints.EncodeUtf8(c, utf8);
            for (int i = 0; i < n; i++)
            {
                if (_byteIds![utf8[i]] < 0)
                {
                    return false;
                }
            }
        }

        return true;
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
