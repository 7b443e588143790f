using System.Globalization;
using System.Text;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.Models;

/// <summary>Byte-pair encoding (Sennrich et al. 2016) as tokenizer.json describes it.</summary>
internal sealed class BpeModel : TokenModel, IByteLevelModel
{
    private const int MaxLookupLength = 512;
    private const char SpaceSign = '\u2581';
    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _bySpan;
    private readonly MergeTable _merges;
    private readonly BpeOptions _options;
    private readonly int _unknownId;
    private readonly int[]? _byteFallbackIds;
    private readonly int[] _byteLevelIds = new int[256];
    private readonly Dictionary<int, int> _charIds = [];
    private readonly bool _splitsAtSpace;
    private readonly WordCache _cache = new();
    private readonly WordCache _rawCache = new();

    public BpeModel(Dictionary<string, int> vocabulary, MergeTable merges, BpeOptions options)
    {
        _vocabulary = vocabulary;
        _bySpan = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        _merges = merges;
        _options = options;
        _unknownId = options.UnknownToken is null ? -1
            : vocabulary.GetValueOrDefault(options.UnknownToken, -1);
        _byteFallbackIds = options.ByteFallback ? FindByteTokens(vocabulary) : null;
        for (int b = 0; b < 256; b++)
        {
            string token = ByteAlphabet.ToChar((byte)b).ToString();
            _byteLevelIds[b] = vocabulary.GetValueOrDefault(token, -1);
        }

        _splitsAtSpace = options is { IgnoreMerges: false, ContinuingPrefix: "", WordSuffix: "" }
            && vocabulary.ContainsKey(SpaceSign.ToString());
        foreach ((string token, int id) in vocabulary)
        {
            _splitsAtSpace &= !CrossesSpace(token);
            if (token.Length == 1 && !char.IsSurrogate(token[0]))
            {
                _charIds[token[0]] = id;
            }
            else if (token.Length == 2 && char.IsSurrogatePair(token, 0))
            {
                _charIds[char.ConvertToUtf32(token, 0)] = id;
            }
        }
    }

    public override IReadOnlyDictionary<string, int> Vocabulary => _vocabulary;

    public override int UnknownId => _unknownId;

    public bool SupportsRaw =>
        _options.ContinuingPrefix.Length == 0 && _options.WordSuffix.Length == 0
        && (_unknownId < 0 || Array.TrueForAll(_byteLevelIds, id => id >= 0));

    /// <summary>Ids of "&lt;0x00&gt;" to "&lt;0xFF&gt;", -1 where there is none.</summary>
    public static int[] FindByteTokens(Dictionary<string, int> vocabulary)
    {
        int[] ids = new int[256];
        for (int b = 0; b < 256; b++)
        {
            string token = string.Create(CultureInfo.InvariantCulture, $"<0x{b:X2}>");
            ids[b] = vocabulary.GetValueOrDefault(token, -1);
        }

        return ids;
    }

    public override void Tokenize(ReadOnlySpan<int> word, TokenList output)
    {
        if (!_splitsAtSpace || word.Length <= WordCache.MaxWordLength)
        {
            Cached(_cache, word, output, raw: false);
            return;
        }

        // No token goes on from another character to a space sign, so neither does any merge, and
        // a long text without pre-tokenizer is a row of words after all.
        int from = 0;
        for (int i = 1; i <= word.Length; i++)
        {
            if (i == word.Length || (word[i] == SpaceSign && word[i - 1] != SpaceSign))
            {
                Cached(_cache, word[from..i], output, raw: false);
                from = i;
            }
        }
    }

    public void TokenizeRaw(ReadOnlySpan<int> word, TokenList output) =>
        Cached(_rawCache, word, output, raw: true);

    private static bool CrossesSpace(string token)
    {
        for (int i = 1; i < token.Length; i++)
        {
            if (token[i] == SpaceSign && token[i - 1] != SpaceSign)
            {
                return true;
            }
        }

        return false;
    }

    private void Cached(WordCache cache, ReadOnlySpan<int> word, TokenList output, bool raw)
    {
        if (word.Length > WordCache.MaxWordLength)
        {
            Uncached(word, output, raw);
            return;
        }

        uint hash = WordCache.Hash(word);
        if (cache.Find(word, hash) is WordCache.Entry entry)
        {
            output.Add(entry.Ids, entry.Lengths);
            return;
        }

        int from = output.Count;
        Uncached(word, output, raw);
        cache.Store(word, hash, output, from);
    }

    private void Uncached(ReadOnlySpan<int> word, TokenList output, bool raw)
    {
        if (_options.IgnoreMerges && TryWhole(word, output, raw))
        {
            return;
        }

        MergeWorkspace symbols = output.Merges;
        symbols.Clear();
        if (raw)
        {
            AddBytes(word, symbols);
        }
        else
        {
            AddCharacters(word, symbols);
        }

        symbols.Merge(_merges, output);
    }

    private bool TryWhole(ReadOnlySpan<int> word, TokenList output, bool raw)
    {
        if (word.Length > MaxLookupLength)
        {
            return false; // no vocabulary has a token as long, and the buffer is bounded
        }

        Span<char> text = stackalloc char[MaxLookupLength * 4];
        int length = 0;
        int bytes = 0;
        Span<byte> utf8 = stackalloc byte[4];
        foreach (int c in word)
        {
            int n = CodePoints.EncodeUtf8(c, utf8);
            bytes += n;
            for (int i = 0; raw && i < n; i++)
            {
                text[length++] = ByteAlphabet.ToChar(utf8[i]);
            }
        }

        length = raw ? length : CodePoints.ToUtf16(word, text);
        if (!_bySpan.TryGetValue(text[..length], out int id))
        {
            return false;
        }

        output.Add(id, bytes);
        return true;
    }

    private void AddBytes(ReadOnlySpan<int> word, MergeWorkspace symbols)
    {
        Span<byte> utf8 = stackalloc byte[4];
        foreach (int c in word)
        {
            int n = CodePoints.EncodeUtf8(c, utf8);
            for (int i = 0; i < n; i++)
            {
                int id = _byteLevelIds[utf8[i]];
                if (id >= 0)
                {
                    symbols.Add(id, 1);
                }
            }
        }
    }

    private void AddCharacters(ReadOnlySpan<int> word, MergeWorkspace symbols)
    {
        bool affixes = _options.ContinuingPrefix.Length + _options.WordSuffix.Length > 0;
        int unknownBytes = 0;
        for (int i = 0; i < word.Length; i++)
        {
            int bytes = CodePoints.Utf8Length(word[i]);
            string? spelled = affixes ? Spell(word, i) : null;
            int id = spelled is not null ? _vocabulary.GetValueOrDefault(spelled, -1)
                : _charIds.GetValueOrDefault(word[i], -1);
            if (id >= 0)
            {
                FlushUnknown(symbols, ref unknownBytes);
                symbols.Add(id, bytes);
            }
            else if (!TryBytes(spelled, word[i], symbols) && _unknownId >= 0)
            {
                if (!_options.FuseUnknown)
                {
                    FlushUnknown(symbols, ref unknownBytes);
                }

                unknownBytes += bytes;
            }
        }

        FlushUnknown(symbols, ref unknownBytes);
    }

    private void FlushUnknown(MergeWorkspace symbols, ref int unknownBytes)
    {
        if (unknownBytes > 0)
        {
            symbols.Add(_unknownId, unknownBytes);
            unknownBytes = 0;
        }
    }

    private string Spell(ReadOnlySpan<int> word, int at)
    {
        string text = char.ConvertFromUtf32(word[at]);
        text = at > 0 ? _options.ContinuingPrefix + text : text;
        return at == word.Length - 1 ? text + _options.WordSuffix : text;
    }

    // Byte tokens go before an unknown token that is still being fused, as the reference does.
    private bool TryBytes(string? spelled, int c, MergeWorkspace symbols)
    {
        if (_byteFallbackIds is null)
        {
            return false;
        }

        Span<byte> one = stackalloc byte[4];
        ReadOnlySpan<byte> utf8 = spelled is not null
            ? Encoding.UTF8.GetBytes(spelled)
            : one[..CodePoints.EncodeUtf8(c, one)];
        foreach (byte b in utf8)
        {
            if (_byteFallbackIds[b] < 0)
            {
                return false;
            }
        }

        foreach (byte b in utf8)
        {
            symbols.Add(_byteFallbackIds[b], 1);
        }

        return true;
    }
}
