using Engine.Loading;
using Engine.Loading.Gguf;
using Engine.Tokenization.Decoders;
using Engine.Tokenization.Models;
using Engine.Tokenization.Normalizers;
using Engine.Tokenization.Patterns;
using Engine.Tokenization.PreTokenizers;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.Files;

/// <summary>Makes a tokenizer of the metadata of a GGUF file (tokenizer.ggml.*).</summary>
internal sealed class GgufTokenizer
{
    private const string Prefix = "tokenizer.ggml.";
    private const string Gemma4 = "gemma4";
    private readonly GgufFile _gguf;
    private readonly string[] _tokens;
    private readonly PieceKind[] _kinds;

    private GgufTokenizer(GgufFile gguf)
    {
        _gguf = gguf;
        _tokens = gguf.Texts(Prefix + "tokens");
        _kinds = new PieceKind[_tokens.Length];
        Array.Fill(_kinds, PieceKind.Normal);
        if (gguf.IntsOrNull(Prefix + "token_type") is int[] kinds)
        {
            CheckLength("token_type", kinds.Length);
            for (int i = 0; i < kinds.Length; i++)
            {
                _kinds[i] = kinds[i] is >= 1 and <= 6 ? (PieceKind)kinds[i]
                    : throw gguf.Wrong(Prefix + "token_type", "kinds from 1 to 6", kinds[i]);
            }
        }
    }

    /// <summary>Reads the parts.</summary>
    public static TokenizerParts Build(GgufFile gguf)
    {
        try
        {
            return new GgufTokenizer(gguf).Build();
        }
        catch (EngineException e) when (e.Parameter is null)
        {
            throw new EngineException(e.Status, $"{gguf.File}: {e.Message}", gguf.File, e);
        }
    }

    private TokenizerParts Build()
    {
        string model = _gguf.Text(Prefix + "model");
        if (model == "gpt2" && _gguf.TextOrNull(Prefix + "pre") == Gemma4) model = Gemma4;
        TokenizerParts parts = model switch
        {
            "gpt2" => BuildByteLevel(),
            Gemma4 => BuildGemma4(),
            "llama" => BuildSentencePiece(SentencePieceAlgorithm.Bpe),
            "t5" => BuildSentencePiece(SentencePieceAlgorithm.Unigram),
            "bert" => BuildBert(),
            _ => throw new EngineException(
                EngineStatus.Unsupported, $"{Prefix}model \"{model}\" is not known."),
        };
        Name(parts, "bos", "bos_token_id");
        Name(parts, "eos", "eos_token_id");
        Name(parts, "unk", "unknown_token_id");
        Name(parts, "pad", "padding_token_id");
        foreach ((string name, string template) in GgufTokens.ChatTemplates(_gguf))
        {
            parts.Config.ChatTemplates[name] = template;
        }

        if (model != "bert")
        {
            bool bos = _gguf.Flag(Prefix + "add_bos_token", AddsBos(model));
            bool eos = _gguf.Flag(Prefix + "add_eos_token", model == "t5");
            parts.PostProcessor = PostProcessorJson.Around(
                bos ? Fixed(parts.Config.BosToken, "bos_token_id") : null,
                eos ? Fixed(parts.Config.EosToken, "eos_token_id") : null);
        }

        return parts;
    }

    // Files older than the add_bos_token key.
    private bool AddsBos(string model) => model is "llama" or Gemma4
        || _gguf.TextOrNull(Prefix + "pre") is "llama-bpe" or "llama3" or "llama-v3" or "tekken"
            or "falcon3" or "falcon-h1" or "pixtral" or "midm-2.0" or "lfm2" or "jina-v5-nano"
            or "deepseek-llm" or "deepseek-coder" or "deepseek-v3";

    private (string, int)? Fixed(string? token, string key) =>
        token is null ? null : (token, Id(key));

    private int Id(string key)
    {
        long id = GgufTokens.Number(_gguf, key);
        return id < _tokens.Length && id >= -1 ? (int)id
            : throw _gguf.Wrong(Prefix + key, $"an id below {_tokens.Length}", id);
    }

    private void Name(TokenizerParts parts, string name, string key)
    {
        int id = Id(key);
        if (id < 0)
        {
            return;
        }

        string token = _tokens[id];
        parts.Config.NamedTokens[name + "_token"] = token;
        switch (name)
        {
            case "bos": parts.Config.BosToken = token; break;
            case "eos": parts.Config.EosToken = token; break;
            case "unk": parts.Config.UnkToken = token; break;
            default: parts.Config.PadToken = token; break;
        }
    }

    private void CheckLength(string key, int length)
    {
        if (length != _tokens.Length)
        {
            throw JsonFile.Error(
                $"{Prefix}{key}: expected {_tokens.Length} items (as many as tokens), found {length}");
        }
    }

    private TokenizerParts BuildByteLevel()
    {
        string name = _gguf.TextOrNull(Prefix + "pre") ?? "default";
        GgufLayout layout = GgufLayout.Find(name)
            ?? throw new EngineException(
                EngineStatus.Unsupported, $"{Prefix}pre \"{name}\" is not known.");
        Dictionary<string, int> vocabulary = new(StringComparer.Ordinal);
        for (int id = 0; id < _tokens.Length; id++)
        {
            vocabulary.TryAdd(_tokens[id], id);
        }

        TokenizerParts parts = new()
        {
            Model = BuildBpe(vocabulary, new BpeOptions { IgnoreMerges = layout.IgnoreMerges }),
            Normalizer = layout.Normalizer,
            PreTokenizer = layout.PreTokenizer,
            Decoder = new ByteLevelDecoder(),
        };
        AddTokens(parts, stripAfter: false);
        return parts;
    }

    private BpeModel BuildBpe(Dictionary<string, int> vocabulary, BpeOptions options)
    {
        string[] merges = _gguf.Texts(Prefix + "merges");
        MergeTable table = new(merges.Length);
        MergeReader reader = new(vocabulary, table, prefixLength: 0);
        foreach (string merge in merges)
        {
            reader.Add(merge);
        }

        return new BpeModel(vocabulary, table, options);
    }

    // Merges of characters, as in SentencePiece with spaces written as pieces have them, by rank and not by score.
    private TokenizerParts BuildGemma4()
    {
        Dictionary<string, int> vocabulary = new(StringComparer.Ordinal);
        // A spelling twice is the later one, as in the common runtime.
        for (int id = 0; id < _tokens.Length; id++) vocabulary[_tokens[id]] = id;
        Pattern space = Pattern.FromLiteral("\u2581");
        TokenizerParts parts = new()
        {
            Model = BuildBpe(vocabulary, new BpeOptions
            {
                ByteFallback = true,
                FuseUnknown = true,
                UnknownToken = vocabulary.ContainsKey("<unk>") ? "<unk>" : null,
            }),
            Normalizer = new ReplaceNormalizer(Pattern.FromLiteral(" "), "\u2581"),
            // No piece has line ends beside other characters.
            PreTokenizer = new SplitPreTokenizer(
                Pattern.FromRegex(@"[^\n]+|[\n]+"), SplitBehavior.Isolated, invert: false),
            Decoder = new DecoderSequence(
                [new ReplaceDecoder(space, "\u2581", " "), new ByteFallbackDecoder(), new FuseDecoder()]),
        };
        AddTokens(parts, stripAfter: false);
        return parts;
    }

    private TokenizerParts BuildSentencePiece(SentencePieceAlgorithm algorithm)
    {
        float[] scores = _gguf.FloatsOrNull(Prefix + "scores") ?? new float[_tokens.Length];
        CheckLength("scores", scores.Length);
        SentencePieceSpec spec = new()
        {
            Algorithm = algorithm,
            ByteFallback = Array.IndexOf(_kinds, PieceKind.Byte) >= 0,
            AddDummyPrefix = _gguf.Flag(Prefix + "add_space_prefix", true),
            RemoveExtraWhitespaces = _gguf.Flag(
                Prefix + "remove_extra_whitespaces", algorithm == SentencePieceAlgorithm.Unigram),
            Rules = ReadRules(),
            BosId = -1,
            EosId = -1,
        };
        for (int id = 0; id < _tokens.Length; id++)
        {
            // Fillers of the vocabulary's size are unused; nothing should ever spell them.
            spec.Pieces.Add((_tokens[id], scores[id], _kinds[id]));
        }

        TokenizerParts parts = SentencePieceBuilder.Build(spec);
        AddTokens(parts, stripAfter: _gguf.TextOrNull("general.architecture") == "phi3");
        return parts;
    }

    private CharsMap? ReadRules()
    {
        string key = Prefix + "precompiled_charsmap";
        if (!_gguf.Metadata.TryGetValue(key, out object? value) || value is not object[] { Length: > 0 } raw)
        {
            return null;
        }

        byte[] bytes = new byte[raw.Length];
        for (int i = 0; i < raw.Length; i++)
        {
            bytes[i] = raw[i] switch
            {
                byte b => b,
                sbyte b => (byte)b,
                object other => throw _gguf.Wrong(key, "bytes", other),
            };
        }

        return CharsMap.TryParse(bytes) ?? throw _gguf.Wrong(key, "a table of rules", value);
    }

    private TokenizerParts BuildBert()
    {
        Dictionary<string, int> vocabulary = new(StringComparer.Ordinal);
        for (int id = 0; id < _tokens.Length; id++)
        {
            // The file marks words where WordPiece marks continuations.
            string token = _tokens[id];
            bool special = token.StartsWith('[') && token.EndsWith(']') && token.Length > 2;
            vocabulary.TryAdd(token.StartsWith('\u2581') ? token[1..] : special ? token : "##" + token, id);
        }

        return VocabularyFiles.BuildBert(vocabulary, lowercase: true);
    }

    // As the common runtime does for the family: Phi-3's chat tokens take the space after them.
    private void AddTokens(TokenizerParts parts, bool stripAfter)
    {
        for (int id = 0; id < _tokens.Length; id++)
        {
            string token = _tokens[id];
            if (_kinds[id] is not (PieceKind.Control or PieceKind.UserDefined or PieceKind.Unknown)
                || token.Length == 0)
            {
                continue;
            }

            parts.AddedTokens.Add(new AddedToken(id, token)
            {
                Special = _kinds[id] != PieceKind.UserDefined,
                RStrip = stripAfter && token is not ("<unk>" or "<s>" or "<|endoftext|>"),
            });
        }
    }
}
