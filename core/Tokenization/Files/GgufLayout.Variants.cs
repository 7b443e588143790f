namespace Engine.Tokenization.Files;

/// <summary>Families whose rules differ from the widespread ones in a detail.</summary>
internal sealed partial class GgufLayout
{
    private const string Threes = @"\p{N}{1,3}";

    private const string HanAndKana = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+";

    private const string Suffixes = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)";

    private const string Word = @"|[^\r\n\p{L}\p{N}]?\p{L}+";

    private const string Blanks = @"|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string SignsAndBlanks = @"| ?[^\s\p{L}\p{N}]+[\r\n]*" + Blanks;

    // Marks belong to words.
    private const string Qwen35 =
        Suffixes + @"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*" + Blanks;

    // Line ends never join signs.
    private const string SeedCoder = Suffixes + Word + @"|\p{N}| ?[^\s\p{L}\p{N}\r\n]+" + Blanks;

    private const string Bailing =
        @"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*"
        + @"|\s*[\r\n]|\s+(?!\S)|\s+";

    // Words of several parts.
    private const string ExaoneMoe =
        Suffixes + @"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?"
        + @"|\s*[\r\n]|\s+(?!\S)|\s+";

    // Blanks in runs of powers of two.
    private const string Jais2 =
        Suffixes + Word + @"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)"
        + @"|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}";

    // Chinese apart from other letters.
    private const string KimiK2 =
        @"\p{Han}+"
        + @"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*"
        + @"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        + @"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
        + @"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        + @"|\p{N}{1,3}" + SignsAndBlanks;

    private const string YoutuScripts =
        "[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f]+"
        + "|[\u3105-\u312f]+|[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+";

    private const string Spark =
        @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
        + @"| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+";

    private static GgufLayout? FindVariant(string name) => name switch
    {
        "qwen35" => Regex(Qwen35, normalizer: Nfc),
        "seed-coder" => Regex(SeedCoder),
        "bailingmoe" or "bailingmoe2" or "llada-moe" => Regex(Bailing),
        "exaone-moe" => Regex(ExaoneMoe),
        "jais-2" => Regex(Jais2),
        "kimi-k2" => Regex(KimiK2),
        // Suffixes stay with Turkish words.
        "ufakzeka" => Regex(Word[1..] + @"|\p{N}" + SignsAndBlanks),
        "laguna" => Sequence(Split(@"[^\n]+|[\n]+"), Split(Qwen2), Bytes(useRegex: false)),
        "minicpm5" => Sequence(
            Split(Threes), Split(Suffixes + Word + @"|\p{N}+" + SignsAndBlanks), Bytes(useRegex: false)).Whole(),
        // Digits in threes from the right.
        "superbpe" => Sequence(Split(@"\p{N}+"), Split(@"(?=(\d{3})+(?!\d))"), Bytes(useRegex: false)),
        "tiny_aya" or "cohere2moe" => Sequence(
            Split(@"\d{1,3}(?=(?:\d{3})*\b)"), Split(O200K), Bytes(useRegex: false)),
        "youtu" => Sequence(
            Split(YoutuScripts), Split(O200K.Replace(@"\p{N}{1,3}", @"\p{N}", StringComparison.Ordinal)),
            Bytes(useRegex: false)).Whole(),
        "spark2_5" => Sequence(
            Split(Threes), Split(HanAndKana), Split(Spark), Split(@"\p{N}"), Bytes(useRegex: false)),
        _ => null,
    };

    // A word that is a token stays one, whatever its merges are.
    private GgufLayout Whole() => new() { Normalizer = Normalizer, PreTokenizer = PreTokenizer, IgnoreMerges = true };
}
