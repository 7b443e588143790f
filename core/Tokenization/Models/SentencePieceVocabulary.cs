namespace Engine.Tokenization.Models;

/// <summary>Kinds of pieces; the numbers are those of SentencePiece and of GGUF.</summary>
internal enum PieceKind
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

/// <summary>The pieces of a SentencePiece model.</summary>
internal sealed class SentencePieceVocabulary
{
    private readonly List<(string Piece, float Score, PieceKind Kind)> _pieces;

    /// <summary>Checks scores and kinds; the first piece of a spelling keeps it.</summary>
    public SentencePieceVocabulary(List<(string Piece, float Score, PieceKind Kind)> pieces)
    {
        _pieces = pieces;
        for (int id = 0; id < pieces.Count; id++)
        {
            (string piece, float score, PieceKind kind) = pieces[id];
            if (!float.IsFinite(score) || !Enum.IsDefined(kind))
            {
                throw new EngineException(
                    EngineStatus.CorruptData,
                    $"piece {id}: expected a finite score and a kind from 1 to 6, found {score}, {kind}");
            }

            Ids.TryAdd(piece, id);
            UnknownId = kind == PieceKind.Unknown && UnknownId < 0 ? id : UnknownId;
        }

        if (pieces.Count == 0)
        {
            throw new EngineException(EngineStatus.CorruptData, "expected pieces, found none");
        }
    }

    public Dictionary<string, int> Ids { get; } = new(StringComparer.Ordinal);

    public int Count => _pieces.Count;

    /// <summary>Id of the unknown piece, or -1.</summary>
    public int UnknownId { get; } = -1;

    /// <summary>Unknown characters become their bytes.</summary>
    public bool ByteFallback { get; init; }

    public string Piece(int id) => _pieces[id].Piece;

    public float Score(int id) => _pieces[id].Score;

    public PieceKind Kind(int id) => _pieces[id].Kind;
}
