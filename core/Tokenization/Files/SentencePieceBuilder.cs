using System.Globalization;
using Engine.Tokenization.Decoders;
using Engine.Tokenization.Models;
using Engine.Tokenization.Normalizers;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.Files;

/// <summary>Kinds of SentencePiece models; the numbers are the file format's.</summary>
internal enum SentencePieceAlgorithm
{
    Unigram = 1,
    Bpe = 2,
    Word = 3,
    Character = 4,
}

/// <summary>What a SentencePiece model says; the defaults are the file format's.</summary>
internal sealed class SentencePieceSpec
{
    public List<(string Piece, float Score, PieceKind Kind)> Pieces { get; init; } = [];

    public SentencePieceAlgorithm Algorithm { get; set; } = SentencePieceAlgorithm.Unigram;

    public bool ByteFallback { get; set; }

    public bool WhitespaceAsSuffix { get; set; }

    public bool AddDummyPrefix { get; set; } = true;

    public bool RemoveExtraWhitespaces { get; set; } = true;

    public bool EscapeWhitespaces { get; set; } = true;

    public CharsMap? Rules { get; set; }

    public string UnknownSurface { get; set; } = " \u2047 ";

    /// <summary>From a file of its own, with what configuration there is beside it.</summary>
    public bool IsFile { get; init; }

    public int BosId { get; set; } = 1;

    public int EosId { get; set; } = 2;

    public int PadId { get; set; } = -1;
}

/// <summary>Makes a tokenizer of a SentencePiece model, from its own file or from GGUF.</summary>
internal static class SentencePieceBuilder
{
    /// <summary>
    /// Builds the parts. As in the library itself no token is searched in the text but the
    /// user-defined pieces; control pieces written in it stay text.
    /// </summary>
    public static TokenizerParts Build(SentencePieceSpec spec)
    {
        SentencePieceVocabulary pieces = new(spec.Pieces) { ByteFallback = spec.ByteFallback };
        if (spec.IsFile) Check(spec, pieces);
        SentencePieceNormalizer normalizer = new()
        {
            Rules = spec.Rules,
            AddDummyPrefix = spec.AddDummyPrefix,
            RemoveExtraWhitespaces = spec.RemoveExtraWhitespaces,
            EscapeWhitespaces = spec.EscapeWhitespaces,
            WhitespaceAsSuffix = spec.WhitespaceAsSuffix,
        };
        HashSet<int> special = [];
        for (int id = 0; id < pieces.Count; id++)
        {
            if (pieces.Kind(id) == PieceKind.UserDefined)
            {
                normalizer.Keep(pieces.Piece(id));
            }
            else if (pieces.Kind(id) == PieceKind.Control)
            {
                special.Add(id);
            }
        }

        bool dropsFirst = spec.AddDummyPrefix || spec.RemoveExtraWhitespaces;
        TokenizerParts parts = new()
        {
            Model = BuildModel(spec, pieces),
            Normalizer = normalizer,
            Decoder = new SentencePieceDecoder(
                spec.ByteFallback, dropsFirst, spec.RemoveExtraWhitespaces,
                pieces.UnknownId < 0 ? null : pieces.Piece(pieces.UnknownId), spec.UnknownSurface),
            SpecialIds = special,
            NamesSpecialTokens = spec.IsFile,
            AddsBosOrEos = spec.IsFile,
        };
        parts.Config.BosToken = Control(pieces, spec.BosId);
        parts.Config.EosToken = Control(pieces, spec.EosId);
        parts.Config.PadToken = Control(pieces, spec.PadId);
        parts.Config.UnkToken = pieces.UnknownId < 0 ? null : pieces.Piece(pieces.UnknownId);
        return parts;
    }

    // What the library refuses too: one spelling twice, bytes that are not all there, not one unknown piece.
    private static void Check(SentencePieceSpec spec, SentencePieceVocabulary pieces)
    {
        int numUnknown = 0;
        HashSet<byte> bytes = [];
        for (int id = 0; id < pieces.Count; id++)
        {
            string piece = pieces.Piece(id);
            if (piece.Length == 0) throw Bad(id, "a spelling", "none");
            if (pieces.Ids[piece] != id) throw Bad(id, "a spelling of its own", $"\"{piece}\" as {pieces.Ids[piece]}");
            if (pieces.Kind(id) == PieceKind.Unknown) numUnknown++;
            if (pieces.Kind(id) != PieceKind.Byte) continue;
            bool isByte = piece.Length == 6 && piece.StartsWith("<0x", StringComparison.Ordinal) && piece[^1] == '>'
                && byte.TryParse(
                    piece.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value)
                && bytes.Add(value);
            if (!isByte || !spec.ByteFallback)
                throw Bad(id, spec.ByteFallback ? "a byte as <0x0A>" : "no byte without byte_fallback", piece);
        }

        if (numUnknown != 1) throw JsonFile.Error($"pieces: expected one of kind unknown, found {numUnknown}");
        if (spec.ByteFallback && bytes.Count < 256)
            throw JsonFile.Error($"byte_fallback: expected pieces of 256 bytes, found {bytes.Count}");
    }

    private static EngineException Bad(int id, string expected, string found) =>
        JsonFile.Error($"piece {id}: expected {expected}, found {found}");

    private static TokenModel BuildModel(SentencePieceSpec spec, SentencePieceVocabulary pieces) =>
        spec.Algorithm switch
        {
            SentencePieceAlgorithm.Unigram => new UnigramModel(pieces),
            SentencePieceAlgorithm.Bpe => new SentencePieceBpeModel(pieces),
            _ => throw new EngineException(
                EngineStatus.Unsupported,
                $"model_type: expected unigram or bpe, found {spec.Algorithm}."),
        };

    private static string? Control(SentencePieceVocabulary pieces, int id) =>
        (uint)id < (uint)pieces.Count && pieces.Kind(id) == PieceKind.Control
            ? pieces.Piece(id) : null;
}
