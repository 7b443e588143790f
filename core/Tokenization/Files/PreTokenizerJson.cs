using System.Text.Json;
using Engine.Tokenization.Patterns;
using Engine.Tokenization.PreTokenizers;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.Files;

/// <summary>Reads the pre-tokenizer of a tokenizer.json.</summary>
internal static class PreTokenizerJson
{
    public static PreTokenizer Read(JsonElement item)
    {
        string type = item.Text("type");
        switch (type)
        {
            case "Sequence":
                List<PreTokenizer> items = [];
                foreach (JsonElement inner in item.Items("pretokenizers"))
                {
                    // Flattened, so that the pipeline sees what comes last.
                    PreTokenizer one = Read(inner);
                    items.AddRange(one is PreTokenizerSequence nested ? nested.Items : [one]);
                }

                return new PreTokenizerSequence([.. items]);
            case "ByteLevel":
                return new ByteLevelPreTokenizer(
                    item.Flag("add_prefix_space", true), item.Flag("use_regex", true));
            case "Split":
                Pattern pattern = NormalizerJson.ReadPattern(item, out _);
                return new SplitPreTokenizer(pattern, ReadBehavior(item), item.Flag("invert"));
            case "Metaspace":
                return new MetaspacePreTokenizer(
                    item.Character("replacement", 0x2581), ReadScheme(item),
                    item.Flag("split", true));
            case "Whitespace":
                return new SplitPreTokenizer(
                    Pattern.FromRegex(@"\w+|[^\w\s]+"), SplitBehavior.Removed, invert: true);
            case "WhitespaceSplit":
                return new CharacterPreTokenizer(
                    UnicodeClasses.IsWhiteSpace, SplitBehavior.Removed);
            case "BertPreTokenizer":
                return new PreTokenizerSequence(
                [
                    new CharacterPreTokenizer(UnicodeClasses.IsWhiteSpace, SplitBehavior.Removed),
                    new CharacterPreTokenizer(UnicodeClasses.IsPunctuation, SplitBehavior.Isolated),
                ]);
            case "Digits":
                return new CharacterPreTokenizer(
                    UnicodeClasses.IsNumber, item.Flag("individual_digits")
                        ? SplitBehavior.Isolated : SplitBehavior.Contiguous);
            case "Punctuation":
                return new CharacterPreTokenizer(UnicodeClasses.IsPunctuation, ReadBehavior(item));
            case "CharDelimiterSplit":
                int delimiter = item.Character("delimiter");
                return new CharacterPreTokenizer(c => c == delimiter, SplitBehavior.Removed);
            case "UnicodeScripts":
                return new UnicodeScriptsPreTokenizer();
            case "FixedLength":
                int length = item.Number("length", 5);
                return length > 0 ? new FixedLengthPreTokenizer(length)
                    : throw JsonFile.Error($"length: expected a positive number, found {length}");
            default:
                throw new EngineException(
                    EngineStatus.Unsupported, $"pre_tokenizer.type \"{type}\" is not known.");
        }
    }

    /// <summary>prepend_scheme, or its older form add_prefix_space.</summary>
    public static PrependScheme ReadScheme(JsonElement item) => item.TextOrNull("prepend_scheme") switch
    {
        "always" => PrependScheme.Always,
        "first" => PrependScheme.First,
        "never" => PrependScheme.Never,
        null => item.Flag("add_prefix_space", true) ? PrependScheme.Always : PrependScheme.Never,
        string other => throw JsonFile.Error(
            $"prepend_scheme: expected always, first or never, found \"{other}\""),
    };

    private static SplitBehavior ReadBehavior(JsonElement item) => item.TextOrNull("behavior") switch
    {
        "Removed" => SplitBehavior.Removed,
        null or "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        string other => throw JsonFile.Error($"behavior: unknown value \"{other}\""),
    };
}
