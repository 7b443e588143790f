using Engine.Tokenization.Text;

namespace Engine.Tokenization.Models;

/// <summary>Every word is a token or unknown.</summary>
internal sealed class WordLevelModel(Dictionary<string, int> vocabulary, string unknown) : TokenModel
{
    private readonly int _unknownId = vocabulary.GetValueOrDefault(unknown, -1);

    public override IReadOnlyDictionary<string, int> Vocabulary => vocabulary;

    public override int UnknownId => _unknownId;

    public override void Tokenize(ReadOnlySpan<int> word, TokenList output)
    {
        int bytes = 0;
        foreach (int c in word)
        {
            bytes += CodePoints.Utf8Length(c);
        }

        int id = vocabulary.GetValueOrDefault(CodePoints.ToUtf16(word), _unknownId);
        if (id >= 0)
        {
            output.Add(id, bytes);
        }
    }
}
