using Engine.Loading;
using Engine.Tokenization.Files;
using Engine.Tokenization.PostProcessors;

namespace Engine.Tokenization;

/// <summary>Finds and reads the tokenizer of a model folder.</summary>
public static class TokenizerLoader
{
    /// <summary>Loads a tokenizer.</summary>
    /// <param name="path">
    /// A model folder, in which tokenizer.json comes before tokenizer.model, *.tiktoken, vocab.json
    /// with merges.txt, vocab.txt and *.gguf, and tokenizer_config.json and its neighbours apply;
    /// or one such file, which is then taken alone (a .tiktoken with the config.json beside it).
    /// </param>
    /// <exception cref="EngineException">
    /// NotFound if there is no tokenizer, CorruptData or Unsupported if it cannot be used.
    /// </exception>
    public static Tokenizer Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        TokenizerParts parts;
        string file;
        if (Directory.Exists(path))
        {
            file = FindIn(path);
            parts = LoadParts(file, path);
            TokenizerConfigJson.Apply(path, parts);
            if (parts.NamesSpecialTokens)
            {
                AddNamedTokens(path, parts);
            }

            parts.PostProcessor = ConfiguredProcessor(parts);
        }
        else
        {
            file = path;
            parts = LoadParts(path, folder: null);
            parts.PostProcessor = ConfiguredProcessor(parts);
        }

        return Create(parts, file);
    }

    /// <summary>Makes a tokenizer of the metadata of a GGUF file that is read already.</summary>
    internal static Tokenizer Load(GgufFile gguf) => Create(GgufTokenizer.Build(gguf), gguf.File);

    /// <summary>Makes a tokenizer of the content of a tokenizer.json.</summary>
    internal static Tokenizer LoadJson(ReadOnlyMemory<byte> json, string file) =>
        Create(TokenizerJson.Parse(json, file), file);

    private static Tokenizer Create(TokenizerParts parts, string file)
    {
        try
        {
            return new Tokenizer(parts);
        }
        catch (EngineException e) when (e.Parameter is null)
        {
            throw new EngineException(e.Status, $"{file}: {e.Message}", file, e);
        }
    }

    private static string FindIn(string folder)
    {
        foreach (string name in (ReadOnlySpan<string>)["tokenizer.json", "tokenizer.model"])
        {
            string path = Path.Combine(folder, name);
            if (File.Exists(path))
            {
                return path;
            }
        }

        if (First(folder, "*.tiktoken") is string tiktoken)
        {
            return tiktoken;
        }

        string vocabulary = Path.Combine(folder, "vocab.json");
        if (File.Exists(vocabulary) && File.Exists(Path.Combine(folder, "merges.txt")))
        {
            return vocabulary;
        }

        string words = Path.Combine(folder, "vocab.txt");
        return File.Exists(words) ? words : First(folder, "*.gguf")
            ?? throw new EngineException(
                EngineStatus.NotFound,
                $"{folder}: no tokenizer.json, tokenizer.model, *.tiktoken, vocab.json with "
                + "merges.txt, vocab.txt or *.gguf", folder);
    }

    private static string? First(string folder, string pattern)
    {
        string[] files = Directory.GetFiles(folder, pattern);
        Array.Sort(files, StringComparer.Ordinal);
        return files.Length > 0 ? files[0] : null;
    }

    private static TokenizerParts LoadParts(string file, string? folder)
    {
        string name = Path.GetFileName(file);
        switch (Path.GetExtension(name))
        {
            case ".gguf":
                return GgufTokenizer.Build(GgufReader.Read(file));
            case ".tiktoken":
                return TiktokenFile.Load(file);
            case ".model":
                byte[] content = JsonFile.ReadBytes(file);

                // Llama 3 ships its ranks under the same name; a ModelProto begins with a piece.
                return content is [not 0x0A, ..] ? TiktokenFile.Load(file)
                    : SentencePieceFile.Parse(content, file);
            case ".txt" when name == "vocab.txt":
                bool lower = folder is null || TokenizerConfigJson.ReadLowercase(folder);
                return VocabularyFiles.LoadBert(file, lower);
            case ".json" when name == "vocab.json":
                string directory = Path.GetDirectoryName(file) ?? "";
                return VocabularyFiles.LoadGpt2(file, Path.Combine(directory, "merges.txt"));
            default:
                return TokenizerJson.Parse(JsonFile.ReadBytes(file), file);
        }
    }

    // Layouts without a list of added tokens: those that the configuration names are.
    private static void AddNamedTokens(string folder, TokenizerParts parts)
    {
        HashSet<string> known = [.. parts.AddedTokens.Select(token => token.Content)];
        List<string> names = [.. parts.Config.NamedTokens.Values];
        names.AddRange(TokenizerConfigJson.ReadAdditional(folder, parts));
        foreach (string name in names)
        {
            if (parts.Model.Vocabulary.TryGetValue(name, out int id) && known.Add(name))
            {
                parts.AddedTokens.Add(new AddedToken(id, name) { Special = true });
            }
        }
    }

    /// <summary>What add_bos_token and add_eos_token make of the post-processor.</summary>
    private static PostProcessor ConfiguredProcessor(TokenizerParts parts)
    {
        TokenizerConfig config = parts.Config;
        bool asked = config.AddBosToken is not null || config.AddEosToken is not null;
        bool family = config.TokenizerClass is string name
            && (name.Contains("Llama", StringComparison.Ordinal)
                || name.StartsWith("Gemma", StringComparison.Ordinal));
        if (parts.NamesSpecialTokens && config.TokenizerClass is string roberta
            && roberta.StartsWith("Roberta", StringComparison.Ordinal)
            && Find(parts, config.BosToken) is (string, int) cls
            && Find(parts, config.EosToken) is (string, int) sep)
        {
            return PostProcessorJson.AroundRoberta(cls, sep);
        }

        if (!parts.AddsBosOrEos && !(asked && (family || parts.NamesSpecialTokens)))
        {
            return parts.PostProcessor;
        }

        (string, int)? bos = Find(parts, config.BosToken);
        (string, int)? eos = Find(parts, config.EosToken);
        bool addBos = config.AddBosToken ?? (family || parts.AddsBosOrEos);
        bool addEos = config.AddEosToken ?? (parts.AddsBosOrEos && bos is null);
        return PostProcessorJson.Around(addBos ? bos : null, addEos ? eos : null);
    }

    private static (string Token, int Id)? Find(TokenizerParts parts, string? token)
    {
        if (token is null)
        {
            return null;
        }

        foreach (AddedToken added in parts.AddedTokens)
        {
            if (added.Content == token)
            {
                return (token, added.Id);
            }
        }

        return parts.Model.Vocabulary.TryGetValue(token, out int id) ? (token, id) : null;
    }
}
