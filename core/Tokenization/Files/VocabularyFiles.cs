using Engine.Tokenization.Decoders;
using Engine.Tokenization.Models;
using Engine.Tokenization.Normalizers;
using Engine.Tokenization.PreTokenizers;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.Files;

/// <summary>The older layouts: vocab.json with merges.txt (GPT-2), and vocab.txt (BERT).</summary>
internal static class VocabularyFiles
{
    private const string EndOfText = "<|endoftext|>";

    /// <summary>A byte-level BPE of two files.</summary>
    public static TokenizerParts LoadGpt2(string vocabularyPath, string mergesPath)
    {
        Dictionary<string, int> vocabulary = JsonFile.Parse(
            JsonFile.ReadBytes(vocabularyPath), vocabularyPath, ModelJson.ReadVocabulary);
        string[] lines = System.Text.Encoding.UTF8.GetString(JsonFile.ReadBytes(mergesPath)).Split('\n');
        MergeTable table = new(lines.Length);
        MergeReader reader = new(vocabulary, table, prefixLength: 0);
        try
        {
            for (int i = 0; i < lines.Length; i++)
            {
                string line = lines[i].TrimEnd('\r');
                if (line.Length > 0 && !(i == 0 && line.StartsWith("#version", StringComparison.Ordinal)))
                {
                    reader.Add(line);
                }
            }
        }
        catch (EngineException e) when (e.Parameter is null)
        {
            throw new EngineException(e.Status, $"{mergesPath}: {e.Message}", mergesPath, e);
        }

        return new TokenizerParts
        {
            Model = new BpeModel(vocabulary, table, new BpeOptions()),
            PreTokenizer = new ByteLevelPreTokenizer(addPrefixSpace: false, useRegex: true),
            Decoder = new ByteLevelDecoder(),
            AddedTokens = vocabulary.TryGetValue(EndOfText, out int end)
                ? [new AddedToken(end, EndOfText) { Special = true }] : [],
            NamesSpecialTokens = true,
        };
    }

    /// <summary>A WordPiece of one token per line; lower case unless the configuration denies it.</summary>
    public static TokenizerParts LoadBert(string path, bool lowercase)
    {
        Dictionary<string, int> vocabulary = new(StringComparer.Ordinal);
        string content = System.Text.Encoding.UTF8.GetString(JsonFile.ReadBytes(path));
        int id = 0;
        foreach (string line in content.TrimEnd('\n').Split('\n'))
        {
            vocabulary[line.TrimEnd('\r')] = id++;
        }

        try
        {
            return BuildBert(vocabulary, lowercase);
        }
        catch (EngineException e) when (e.Parameter is null)
        {
            throw new EngineException(e.Status, $"{path}: {e.Message}", path, e);
        }
    }

    /// <summary>The layout of BERT around a vocabulary.</summary>
    public static TokenizerParts BuildBert(Dictionary<string, int> vocabulary, bool lowercase)
    {
        TokenizerParts parts = new()
        {
            Model = new WordPieceModel(vocabulary, "[UNK]", "##", 100),
            Normalizer = new BertNormalizer(
                cleanText: true, chineseCharacters: true, stripAccents: lowercase, lowercase),
            PreTokenizer = new PreTokenizerSequence(
            [
                new CharacterPreTokenizer(UnicodeClasses.IsWhiteSpace, SplitBehavior.Removed),
                new CharacterPreTokenizer(UnicodeClasses.IsPunctuation, SplitBehavior.Isolated),
            ]),
            Decoder = new WordPieceDecoder("##", cleanup: true),
        };
        if (vocabulary.TryGetValue("[CLS]", out int cls) && vocabulary.TryGetValue("[SEP]", out int sep))
        {
            parts.PostProcessor = PostProcessorJson.AroundBert(("[CLS]", cls), ("[SEP]", sep));
        }

        foreach (string token in (ReadOnlySpan<string>)["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
        {
            if (vocabulary.TryGetValue(token, out int special))
            {
                parts.AddedTokens.Add(new AddedToken(special, token) { Special = true });
            }
        }

        return parts;
    }
}
