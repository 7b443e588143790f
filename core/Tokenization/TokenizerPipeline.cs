using Engine.Tokenization.Models;
using Engine.Tokenization.PostProcessors;
using Engine.Tokenization.PreTokenizers;
using Engine.Tokenization.Text;

namespace Engine.Tokenization;

/// <summary>From text to tokens, with offsets or (cheaper) ids alone.</summary>
internal sealed class TokenizerPipeline
{
    private const int MaxKeptCapacity = 1 << 18;
    private readonly TokenizerParts _parts;
    private readonly string?[] _tokens;
    private readonly bool[] _special;
    private readonly AddedTokenFinder _plainTokens = new();
    private readonly AddedTokenFinder _normalizedTokens = new();
    private readonly IByteLevelModel? _rawModel;
    private readonly PreTokenizer[] _preTokenizers;
    private readonly bool _needsAlignment;
    private Scratch? _spare;

    public TokenizerPipeline(TokenizerParts parts, string?[] tokens, bool[] special)
    {
        _parts = parts;
        _tokens = tokens;
        _special = special;
        _preTokenizers = parts.PreTokenizer switch
        {
            null => [],
            PreTokenizerSequence sequence => sequence.Items,
            PreTokenizer one => [one],
        };
        _needsAlignment = Array.Exists(_preTokenizers, item => item.NeedsAlignment);

        // Where the byte alphabet comes last, the bytes go to the model without being written in it.
        bool bytesLast = _preTokenizers.Length > 0
            && _preTokenizers[^1] is ByteLevelPreTokenizer
            && !Array.Exists(_preTokenizers[..^1], item => item is ByteLevelPreTokenizer);
        _rawModel = bytesLast && parts.Model is IByteLevelModel { SupportsRaw: true } model
            ? model : null;
        AddTokens(special: true);
        AddTokens(special: false);
    }

    /// <summary>Ids of a text; no special token reaches over one of the cuts.</summary>
    public int[] EncodeIds(string text, bool addSpecialTokens, bool plainSpecial, IReadOnlyList<int> cuts)
    {
        Scratch scratch = Interlocked.Exchange(ref _spare, null) ?? new Scratch();
        scratch.Builder = null;
        scratch.PlainSpecial = plainSpecial;
        scratch.Cuts = CutIndexes(text, cuts);
        EncodeText(text, scratch);
        ReadOnlySpan<int> body = scratch.Output.Ids;
        int[] ids = body.ToArray();
        if (addSpecialTokens)
        {
            ids = Surround(body);
        }

        Return(scratch);
        return ids;
    }

    /// <summary>Everything about the tokens of one text or two.</summary>
    public TokenEncoding Encode(
        string first, string? second, bool addSpecialTokens, bool plainSpecial, int maxLength)
    {
        EncodingBuilder a = Collect(first, plainSpecial);
        EncodingBuilder? b = second is null ? null : Collect(second, plainSpecial);
        TemplatePiece[] template = !addSpecialTokens ? PostProcessor.Plain(b is not null)
            : b is null ? _parts.PostProcessor.Single : _parts.PostProcessor.Pair;
        int countA = a.Ids.Count;
        int countB = b?.Ids.Count ?? 0;
        if (maxLength > 0)
        {
            int room = Math.Max(0, maxLength - PostProcessor.CountAdded(template));
            (countA, countB) = b is null ? (Math.Min(countA, room), 0)
                : LongestFirst(countA, countB, room);
        }

        EncodingBuilder result = new();
        foreach (TemplatePiece piece in template)
        {
            if (piece.Sequence >= 0)
            {
                EncodingBuilder part = piece.Sequence == 0 ? a : b ?? a;
                result.Append(part, piece.Sequence == 0 ? countA : countB, piece.TypeId);
                continue;
            }

            for (int i = 0; i < piece.Ids.Length; i++)
            {
                result.Add(piece.Ids[i], piece.Tokens[i], (0, 0), piece.TypeId, special: true);
            }
        }

        return result.Build();
    }

    /// <summary>Lengths after cutting the longer of two until both fit.</summary>
    private static (int A, int B) LongestFirst(int a, int b, int room)
    {
        if (a + (long)b <= room)
        {
            return (a, b);
        }

        int shorter = Math.Min(a, b);
        int longer = shorter > room ? shorter : Math.Max(shorter, room - shorter);
        if (shorter + longer > room)
        {
            shorter = room / 2;
            longer = shorter + (room % 2);
        }

        return a > b ? (longer, shorter) : (shorter, longer);
    }

    private void AddTokens(bool special)
    {
        NormalizedText text = new();
        foreach (AddedToken token in _parts.AddedTokens)
        {
            if (token.Special != special)
            {
                continue;
            }

            text.Load(CodePoints.FromUtf16(token.Content), 0, tracked: false);
            if (token.Normalized)
            {
                _parts.Normalizer?.Apply(text);
            }

            (token.Normalized ? _normalizedTokens : _plainTokens).Add(text.Codes, token);
        }
    }

    private int[] Surround(ReadOnlySpan<int> body)
    {
        TemplatePiece[] template = _parts.PostProcessor.Single;
        List<int> ids = new(body.Length + PostProcessor.CountAdded(template));
        foreach (TemplatePiece piece in template)
        {
            ids.AddRange(piece.Sequence >= 0 ? body : piece.Ids);
        }

        return [.. ids];
    }

    private EncodingBuilder Collect(string text, bool plainSpecial)
    {
        Scratch scratch = Interlocked.Exchange(ref _spare, null) ?? new Scratch();
        EncodingBuilder builder = scratch.Builder = new EncodingBuilder();
        scratch.PlainSpecial = plainSpecial;
        scratch.Cuts = [];
        EncodeText(text, scratch);
        Return(scratch);
        if (_parts.PostProcessor.TrimOffsets)
        {
            for (int i = 0; i < builder.Ids.Count; i++)
            {
                builder.Offsets[i] =
                    _parts.PostProcessor.Trim(builder.Tokens[i], i, builder.Offsets[i]);
            }
        }

        return builder;
    }

    private void Return(Scratch scratch)
    {
        if (scratch.Codes.Length <= MaxKeptCapacity && scratch.Output.Capacity <= MaxKeptCapacity
            && scratch.Segment.Capacity <= MaxKeptCapacity
            && scratch.Words.Text.Capacity <= MaxKeptCapacity)
        {
            scratch.Builder = null;
            Volatile.Write(ref _spare, scratch);
        }
    }

    private void EncodeText(string text, Scratch scratch)
    {
        if (scratch.Codes.Length < text.Length)
        {
            scratch.Codes = new int[Math.Max(text.Length, 2 * scratch.Codes.Length)];
        }

        int count = CodePoints.FromUtf16(text, scratch.Codes);
        scratch.Output.Clear();
        bool tracked = scratch.Builder is not null || _needsAlignment || scratch.Cuts.Length > 0;
        NormalizedText segment = scratch.Segment;
        scratch.Parts.Clear();
        _plainTokens.Split(scratch.Codes.AsSpan(0, count), scratch.PlainSpecial, scratch.Parts, scratch.Cuts);
        foreach ((AddedToken? token, int start, int end) in scratch.Parts)
        {
            segment.Load(scratch.Codes.AsSpan(start, end - start), start, tracked);
            if (token is not null)
            {
                AddToken(token, segment, 0, end - start, scratch);
                continue;
            }

            _parts.Normalizer?.Apply(segment);
            scratch.SegmentCuts = AddedTokenFinder.HasCut(scratch.Cuts, start, end)
                ? SegmentCuts(segment, scratch.Cuts)
                : [];
            EncodeSegment(segment, scratch);
        }
    }

    // From UTF-16 to code points.
    private static int[] CutIndexes(string text, IReadOnlyList<int> cuts)
    {
        int[] indexes = new int[cuts.Count];
        int code = 0;
        int at = 0;
        for (int i = 0; i < indexes.Length; i++)
        {
            for (; at < cuts[i] && at < text.Length; code++)
            {
                at += char.IsSurrogatePair(text, at) ? 2 : 1;
            }

            indexes[i] = code;
        }

        return indexes;
    }

    // Where the cuts of the text lie in a normalized part of it.
    private static int[] SegmentCuts(NormalizedText segment, int[] cuts)
    {
        List<int> indexes = [];
        int next = 0;
        for (int i = 0; i < segment.Length && next < cuts.Length; i++)
        {
            int origin = segment.OriginalRange(i, i + 1).Start;
            while (next < cuts.Length && cuts[next] <= origin)
            {
                indexes.Add(i);
                next++;
            }
        }

        return [.. indexes];
    }

    private void EncodeSegment(NormalizedText segment, Scratch scratch)
    {
        if (_normalizedTokens.IsEmpty)
        {
            EncodeWords(segment, 0, segment.Length, scratch);
            return;
        }

        scratch.InnerParts.Clear();
        _normalizedTokens.Split(segment.Codes, scratch.PlainSpecial, scratch.InnerParts, scratch.SegmentCuts);
        foreach ((AddedToken? token, int start, int end) in scratch.InnerParts)
        {
            if (token is not null)
            {
                AddToken(token, segment, start, end, scratch);
            }
            else
            {
                EncodeWords(segment, start, end, scratch);
            }
        }
    }

    private static void AddToken(
        AddedToken token, NormalizedText text, int start, int end, Scratch scratch)
    {
        scratch.Output.Add(token.Id, 0);
        if (scratch.Builder is EncodingBuilder builder)
        {
            (int, int) offsets = end > start ? text.OriginalRange(start, end) : (0, 0);
            string spelled = CodePoints.ToUtf16(text.Codes[start..end]);
            builder.Add(token.Id, spelled, offsets, 0, special: false);
        }
    }

    private void EncodeWords(NormalizedText segment, int start, int end, Scratch scratch)
    {
        PreTokens words = scratch.Words;
        words.Text.Load(segment, start, end - start);
        words.Reset();
        bool raw = _rawModel is not null && scratch.Builder is null;
        for (int i = 0; i < _preTokenizers.Length; i++)
        {
            if (raw && i == _preTokenizers.Length - 1)
            {
                ((ByteLevelPreTokenizer)_preTokenizers[i]).ApplySplit(words);
            }
            else
            {
                _preTokenizers[i].Apply(words);
            }
        }

        foreach ((int wordStart, int wordEnd) in words.Words)
        {
            EncodeWord(words.Text, wordStart, wordEnd, raw, scratch);
        }
    }

    private void EncodeWord(NormalizedText text, int start, int end, bool raw, Scratch scratch)
    {
        int from = scratch.Output.Count;
        ReadOnlySpan<int> word = text.Codes[start..end];
        Tokenize(word, raw, scratch.Output);
        if ((scratch.PlainSpecial || scratch.SegmentCuts.Length > 0) && HasSpecial(scratch.Output.Ids[from..]))
        {
            // The model itself spells a special token; character by character it cannot.
            scratch.Output.Truncate(from);
            for (int i = 0; i < word.Length; i++)
            {
                Tokenize(word.Slice(i, 1), raw, scratch.Output);
            }
        }

        if (scratch.Builder is not null)
        {
            AddTokens(text, start, end, scratch.Output, from, scratch.Builder);
        }
    }

    private void Tokenize(ReadOnlySpan<int> word, bool raw, TokenList output)
    {
        if (raw)
        {
            _rawModel!.TokenizeRaw(word, output);
        }
        else
        {
            _parts.Model.Tokenize(word, output);
        }
    }

    private bool HasSpecial(ReadOnlySpan<int> ids)
    {
        foreach (int id in ids)
        {
            if (_special[id] && id != _parts.Model.UnknownId)
            {
                return true;
            }
        }

        return false;
    }

    private void AddTokens(
        NormalizedText text, int start, int end, TokenList tokens, int from, EncodingBuilder builder)
    {
        ByteWalk walk = new(text.Codes[start..end]);
        for (int i = from; i < tokens.Count; i++)
        {
            int id = tokens.Ids[i];
            (int first, int last) = walk.Take(tokens.Lengths[i]);
            string token = _parts.Model.KeepsSourceText(id)
                ? CodePoints.ToUtf16(text.Codes[(start + first)..(start + last)])
                : _tokens[id] ?? "";
            builder.Add(
                id, token, text.OriginalRange(start + first, start + last), 0, special: false);
        }
    }

    private sealed class Scratch
    {
        public int[] Codes { get; set; } = new int[256];

        public NormalizedText Segment { get; } = new();

        public PreTokens Words { get; } = new();

        public TokenList Output { get; } = new();

        public List<(AddedToken? Token, int Start, int End)> Parts { get; } = [];

        public List<(AddedToken? Token, int Start, int End)> InnerParts { get; } = [];

        public EncodingBuilder? Builder { get; set; }

        public bool PlainSpecial { get; set; }

        /// <summary>Code points of the text over which no special token reaches.</summary>
        public int[] Cuts { get; set; } = [];

        /// <summary>The same in the segment under way.</summary>
        public int[] SegmentCuts { get; set; } = [];
    }
}
