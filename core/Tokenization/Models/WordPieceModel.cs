using Engine.Tokenization.Text;

namespace Engine.Tokenization.Models;

/// <summary>WordPiece (Devlin et al. 2018): the longest token first, from the left.</summary>
internal sealed class WordPieceModel : TokenModel
{
    private readonly Dictionary<string, int> _vocabulary;
    private readonly StringTrie _whole = new();
    private readonly StringTrie _continued = new();
    private readonly int _unknownId;
    private readonly int _maxCharacters;

    public WordPieceModel(
        Dictionary<string, int> vocabulary, string unknown, string prefix, int maxCharacters)
    {
        _vocabulary = vocabulary;
        _maxCharacters = maxCharacters;
        _unknownId = vocabulary.TryGetValue(unknown, out int id) ? id
            : throw new EngineException(
                EngineStatus.CorruptData, $"The unknown token \"{unknown}\" is not in the vocabulary.");
        foreach ((string token, int value) in vocabulary)
        {
            _whole.Add(CodePoints.FromUtf16(token), value);
            if (token.StartsWith(prefix, StringComparison.Ordinal))
            {
                _continued.Add(CodePoints.FromUtf16(token[prefix.Length..]), value);
            }
        }
    }

    public override IReadOnlyDictionary<string, int> Vocabulary => _vocabulary;

    public override int UnknownId => _unknownId;

    public override void Tokenize(ReadOnlySpan<int> word, TokenList output)
    {
        int from = output.Count;
        bool known = word.Length <= _maxCharacters;
        for (int at = 0; known && at < word.Length;)
        {
            StringTrie trie = at == 0 ? _whole : _continued;
            int node = 0;
            int best = -1;
            int bestEnd = at;
            for (int i = at; i < word.Length && (node = trie.Next(node, word[i])) >= 0; i++)
            {
                if (trie.Value(node) >= 0)
                {
                    best = trie.Value(node);
                    bestEnd = i + 1;
                }
            }

            known = best >= 0;
            if (known)
            {
                output.Add(best, Bytes(word[at..bestEnd]));
                at = bestEnd;
            }
        }

        if (!known)
        {
            output.Truncate(from);
            output.Add(_unknownId, Bytes(word));
        }
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
