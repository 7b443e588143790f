using Engine.Tokenization.Models;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.Files;

/// <summary>Reads tokenizer.model, a ModelProto of the sentencepiece library.</summary>
internal static class SentencePieceFile
{
    /// <summary>Reads the file's content.</summary>
    public static TokenizerParts Parse(ReadOnlySpan<byte> content, string file)
    {
        try
        {
            return SentencePieceBuilder.Build(Read(content));
        }
        catch (EngineException e) when (e.Parameter is null)
        {
            throw new EngineException(e.Status, $"{file}: {e.Message}", file, e);
        }
    }

    private static SentencePieceSpec Read(ReadOnlySpan<byte> content)
    {
        SentencePieceSpec spec = new() { IsFile = true };
        ProtoReader model = new(content);
        while (model.Next())
        {
            switch (model.Field)
            {
                case 1:
                    spec.Pieces.Add(ReadPiece(model.Bytes()));
                    break;
                case 2:
                    ReadTrainer(model.Bytes(), spec);
                    break;
                case 3:
                    ReadNormalizer(model.Bytes(), spec);
                    break;
            }
        }

        return spec;
    }

    private static (string, float, PieceKind) ReadPiece(ReadOnlySpan<byte> message)
    {
        string text = "";
        float score = 0;
        PieceKind kind = PieceKind.Normal;
        ProtoReader piece = new(message);
        while (piece.Next())
        {
            switch (piece.Field)
            {
                case 1: text = piece.Text(); break;
                case 2: score = piece.Float(); break;
                case 3: kind = (PieceKind)piece.Int(); break;
            }
        }

        return (text, score, kind);
    }

    private static void ReadTrainer(ReadOnlySpan<byte> message, SentencePieceSpec spec)
    {
        ProtoReader trainer = new(message);
        while (trainer.Next())
        {
            switch (trainer.Field)
            {
                case 3: spec.Algorithm = (SentencePieceAlgorithm)trainer.Int(); break;
                case 24: spec.WhitespaceAsSuffix = trainer.Bool(); break;
                case 35: spec.ByteFallback = trainer.Bool(); break;
                case 41: spec.BosId = trainer.Int(); break;
                case 42: spec.EosId = trainer.Int(); break;
                case 43: spec.PadId = trainer.Int(); break;
                case 44: spec.UnknownSurface = trainer.Text(); break;
            }
        }
    }

    private static void ReadNormalizer(ReadOnlySpan<byte> message, SentencePieceSpec spec)
    {
        ProtoReader normalizer = new(message);
        while (normalizer.Next())
        {
            switch (normalizer.Field)
            {
                case 2 when !normalizer.Bytes().IsEmpty:
                    spec.Rules = CharsMap.TryParse(normalizer.Bytes())
                        ?? throw JsonFile.Error("precompiled_charsmap: not a table of rules");
                    break;
                case 3: spec.AddDummyPrefix = normalizer.Bool(); break;
                case 4: spec.RemoveExtraWhitespaces = normalizer.Bool(); break;
                case 5: spec.EscapeWhitespaces = normalizer.Bool(); break;
            }
        }
    }
}
