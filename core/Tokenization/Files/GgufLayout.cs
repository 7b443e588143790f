using Engine.Tokenization.Normalizers;
using Engine.Tokenization.Patterns;
using Engine.Tokenization.PreTokenizers;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.Files;

/// <summary>
/// What the names of tokenizer.ggml.pre stand for: the rules of each family's own tokenizer, which
/// the file leaves out.
/// </summary>
internal sealed partial class GgufLayout
{
    private const string Llama3 =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        + @"|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string Qwen2 =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        + @"|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string O200K =
        @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        + @"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        + @"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        + @"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        + @"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string Tekken =
        @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        + @"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        + @"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string Bloom = @" ?[^(\s|.,!?\x{2026}\x{3002}\x{FF0C}\x{3001}\x{964}\x{6D4}\x{60C})]+";

    private const string DeepSeekV3 =
        @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
        + @"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    // Cased letters and CJK as the family's files spell them out, in code points.
    private const string CasedLetters =
        @"\s?["
        + @"\x{41}-\x{5A}\x{61}-\x{7A}\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}"
        + @"\x{1BC}-\x{1BF}\x{1C4}-\x{293}\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}"
        + @"\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1}"
        + @"\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556}"
        + @"\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}"
        + @"\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A}"
        + @"\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}"
        + @"\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}"
        + @"\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}"
        + @"\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}"
        + @"\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128}"
        + @"\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}"
        + @"\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}"
        + @"\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F}"
        + @"\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}"
        + @"\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}"
        + @"\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}"
        + @"\x{118A0}-\x{118DF}\x{1E900}-\x{1E943}"
        + "]+";

    private const string Cjk = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+";

    public Normalizer? Normalizer { get; private init; }

    public required PreTokenizer PreTokenizer { get; init; }

    public bool IgnoreMerges { get; private init; }

    private static FormNormalizer Nfc => new(compatible: false, compose: true);

    /// <summary>The layout of a name, or null.</summary>
    public static GgufLayout? Find(string name)
    {
        switch (name)
        {
            case "gpt-2" or "gpt2" or "olmo" or "jais" or "phi-2" or "roberta-bpe" or "gigachat"
                or "jina-es" or "jina-de" or "jina-v2-es" or "jina-v2-de" or "jina-v1-en"
                or "jina-v2-code" or "trillion" or "granite-docling" or "exaone4" or "a.x-4.0"
                or "mellum" or "modern-bert":
                return new GgufLayout { PreTokenizer = Bytes(useRegex: true) };
            case "mpt":
                return new GgufLayout { Normalizer = Nfc, PreTokenizer = Bytes(useRegex: true) };
            case "refact" or "starcoder" or "command-r" or "smollm" or "codeshell" or "exaone"
                or "minerva-7b" or "mellum2":
                return Sequence(Digits(individual: true), Bytes(useRegex: true));
            case "falcon":
                return Sequence(
                    new CharacterPreTokenizer(
                        UnicodeClasses.IsPunctuation, SplitBehavior.Contiguous),
                    Bytes(useRegex: true), Digits(individual: false), Split("[0-9][0-9][0-9]"));
            case "default":
                // The common runtime's own: words before numbers, and both by the text's characters.
                return Sequence(
                    Split(@"[\p{P}\$\+<=>\^~\|]+"), Split(ByteLevelPreTokenizer.Gpt2), Split(@"\p{N}+"),
                    Split("[0-9][0-9][0-9]"), Bytes(useRegex: false));
            case "llama-bpe" or "llama3" or "llama-v3" or "falcon3" or "falcon-h1" or "pixtral"
                or "midm-2.0" or "lfm2" or "jina-v5-nano":
                return Regex(Llama3, ignoreMerges: true);
            case "dbrx" or "smaug-bpe" or "chatglm-bpe" or "glm4":
                return Regex(Llama3, ignoreMerges: name == "glm4");
            case "qwen2" or "deepseek-r1-qwen" or "f2llmv2" or "hunyuan" or "megrez" or "solar-open":
                return Regex(Qwen2, normalizer: Nfc);
            case "stablelm2" or "kormo" or "grok-2":
                return Regex(Qwen2);
            case "gpt-4o" or "llama4" or "kanana2" or "talkie" or "minimax-m2" or "granite-embed-multi-97m":
                return Regex(O200K, ignoreMerges: name is "llama4" or "kanana2" or "granite-embed-multi-97m");
            case "tekken":
                return Regex(Tekken, ignoreMerges: true);
            case "bloom" or "poro-chat" or "gpt3-finnish":
                return Regex(Bloom);
            case "viking":
                return Sequence(Split(Bloom), Split(@"\p{N}"), Bytes(useRegex: false));
            case "deepseek-llm":
                return Sequence(
                    Split("[\r\n]"), Split(CasedLetters),
                    Split("\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"),
                    Split(@"\s+$"), Split(Cjk), Digits(individual: true), Bytes(useRegex: false));
            case "deepseek-coder":
                return Sequence(
                    Split("[\r\n]"), Split(@"\s?\p{L}+"), Split(@"\s?\p{P}+"), Split(Cjk),
                    Digits(individual: true), Bytes(useRegex: false));
            case "deepseek-v3" or "hunyuan-dense" or "joyai-llm" or "hy_v4":
                return Sequence(Split(Threes), Split(HanAndKana), Split(DeepSeekV3), Bytes(useRegex: false));
            default:
                return FindVariant(name);
        }
    }

    private static GgufLayout Sequence(params PreTokenizer[] items) =>
        new() { PreTokenizer = new PreTokenizerSequence(items) };

    private static GgufLayout Regex(
        string regex, bool ignoreMerges = false, Normalizer? normalizer = null) => new()
        {
            Normalizer = normalizer,
            PreTokenizer = new PreTokenizerSequence([Split(regex), Bytes(useRegex: false)]),
            IgnoreMerges = ignoreMerges,
        };

    private static SplitPreTokenizer Split(string regex) =>
        new(Pattern.FromRegex(regex), SplitBehavior.Isolated, invert: false);

    private static ByteLevelPreTokenizer Bytes(bool useRegex) =>
        new(addPrefixSpace: false, useRegex);

    private static CharacterPreTokenizer Digits(bool individual) => new(
        UnicodeClasses.IsNumber, individual ? SplitBehavior.Isolated : SplitBehavior.Contiguous);
}
