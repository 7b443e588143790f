using Engine.Tokenization.Text;

namespace Engine.Tokenization.Normalizers;

/// <summary>The clean-up of BERT: control characters, Chinese characters, accents, case.</summary>
internal sealed class BertNormalizer(
    bool cleanText, bool chineseCharacters, bool stripAccents, bool lowercase) : Normalizer
{
    // Control, format, surrogate and private use; the reference keeps what is not assigned.
    private const int Dropped = 0xF << 14;

    private static readonly MapNormalizer Clean = new(c => c switch
    {
        '\t' or '\n' or '\r' => ' ',
        0 or CodePoints.Replacement => -1,
        _ when UnicodeClasses.IsAny(c, Dropped) => -1,
        _ when UnicodeClasses.IsWhiteSpace(c) => ' ',
        _ => c,
    });

    private static readonly FormNormalizer Decompose = new(compatible: false, compose: false);

    private static readonly MapNormalizer DropMarks =
        new(c => UnicodeClasses.IsAny(c, 1 << 5) ? -1 : c);

    private static readonly LowercaseNormalizer Lower = new();

    public override void Apply(NormalizedText text)
    {
        if (cleanText)
        {
            Clean.Apply(text);
        }

        if (chineseCharacters)
        {
            SpaceChinese(text);
        }

        if (stripAccents)
        {
            Decompose.Apply(text);
            DropMarks.Apply(text);
        }

        if (lowercase)
        {
            Lower.Apply(text);
        }
    }

    private static void SpaceChinese(NormalizedText text)
    {
        text.Begin();
        for (int i = 0; i < text.Length; i++)
        {
            int c = text.Codes[i];
            if (!UnicodeClasses.IsChinese(c))
            {
                text.Emit(c, i);
                continue;
            }

            text.Emit(' ', i);
            text.Emit(c, i);
            text.Emit(' ', i);
        }

        text.Commit();
    }
}
