using Engine.Tokenization.Text;

namespace Engine.Tokenization.Normalizers;

/// <summary>Writes the text's UTF-8 bytes in the byte alphabet.</summary>
internal sealed class ByteLevelNormalizer : Normalizer
{
    public override void Apply(NormalizedText text)
    {
        Span<byte> utf8 = stackalloc byte[4];
        text.Begin();
        for (int i = 0; i < text.Length; i++)
        {
            int n = CodePoints.EncodeUtf8(text.Codes[i], utf8);
            for (int b = 0; b < n; b++)
            {
                text.Emit(ByteAlphabet.ToChar(utf8[b]), i);
            }
        }

        text.Commit();
    }
}
