using System.Collections.Frozen;
using Engine.Grammar;
using Engine.Tokenization;

namespace Engine.Sampling;

/// <summary>
/// A request's parameters made ready for the step: texts as ids, lists as arrays. Made once, at admission,
/// off the engine's loop; shared by the request's outputs.
/// </summary>
internal sealed class SamplingProgram
{
    private SamplingProgram(SamplingParams parameters, int vocabSize)
    {
        Params = parameters;
        VocabSize = vocabSize;
        AllowedIds = Distinct(parameters.AllowedTokenIds);
        AllowedBits = new uint[AllowedIds is null ? 0 : (vocabSize + 31) / 32];
        foreach (int id in AllowedIds ?? [])
        {
            if ((uint)id < (uint)vocabSize)
            {
                AllowedBits[id >> 5] |= 1u << (id & 31);
            }
        }

        IReadOnlyDictionary<int, float>? bias = parameters.LogitBias;
        BiasIds = bias is null ? [] : [.. bias.Keys.Order()];
        BiasValues = Array.ConvertAll(BiasIds, id => Math.Clamp(bias![id], -100f, 100f));
        Penalizes = parameters.RepetitionPenalty != 1f
            || parameters.FrequencyPenalty != 0f
            || parameters.PresencePenalty != 0f;
    }

    /// <summary>What the caller asked for.</summary>
    public SamplingParams Params { get; }

    /// <summary>Ids at or above it are never sampled, however wide the row of logits is.</summary>
    public int VocabSize { get; }

    /// <summary>Ascending; null allows all.</summary>
    public int[]? AllowedIds { get; }

    /// <summary>The same as bits; empty if all are allowed.</summary>
    public uint[] AllowedBits { get; }

    /// <summary>Masked while the output is shorter than min_tokens: stop ids and end-of-sequence ids.</summary>
    public int[] MinTokensMask { get; private init; } = [];

    /// <summary>The last id is masked when the output ends in the ids before it.</summary>
    public int[][] BadWords { get; private init; } = [];

    /// <summary>Ascending.</summary>
    public int[] BiasIds { get; }

    /// <summary>Clamped to +-100.</summary>
    public float[] BiasValues { get; }

    /// <summary>By first id: what a DRY repetition does not cross.</summary>
    public FrozenDictionary<int, int[][]> DryBreakers { get; private init; } =
        FrozenDictionary<int, int[][]>.Empty;

    /// <summary>What the output has to look like; null is anything.</summary>
    public GrammarProgram? Grammar { get; private init; }

    /// <summary>How long thoughts may be; null is no limit.</summary>
    public ThoughtBudget? Thoughts { get; private init; }

    /// <summary>True if a penalty needs the counts of the tokens seen.</summary>
    public bool Penalizes { get; }

    /// <summary>True if anything changes logits before the choice.</summary>
    public bool EditsLogits =>
        AllowedIds is not null
        || Grammar is not null
        || BadWords.Length > 0
        || Params.NoRepeatNgramSize > 0
        || Params.MinTokens > 0
        || BiasIds.Length > 0
        || Penalizes
        || Thoughts is not null
        || Params.DryMultiplier > 0;

    /// <summary>Makes parameters ready; they must be valid.</summary>
    /// <param name="parameters">Validated against vocabSize.</param>
    /// <param name="tokenizer">Needed for bad_words and DRY's breakers.</param>
    /// <param name="vocabSize">The tokenizer's, or the model's without one.</param>
    /// <param name="eosTokenIds">The model's end-of-sequence ids.</param>
    public static SamplingProgram Compile(
        SamplingParams parameters,
        ITokenizer? tokenizer,
        int vocabSize,
        ReadOnlySpan<int> eosTokenIds)
    {
        int[][] breakers = parameters.DryMultiplier > 0
            ? Sampling.DryBreakers.Find(parameters.DrySequenceBreakers, tokenizer)
            : [];
        return Compile(
            parameters,
            vocabSize,
            eosTokenIds,
            Sampling.BadWords.Encode(parameters.BadWords, tokenizer),
            breakers,
            CompileGrammar(parameters, tokenizer),
            ThoughtBudget.Of(parameters, tokenizer));
    }

    /// <summary>The same with texts already encoded.</summary>
    public static SamplingProgram Compile(
        SamplingParams parameters,
        int vocabSize,
        ReadOnlySpan<int> eosTokenIds,
        int[][] badWords,
        int[][] dryBreakers,
        GrammarProgram? grammar = null,
        ThoughtBudget? thoughts = null)
    {
        return new SamplingProgram(parameters, vocabSize)
        {
            MinTokensMask = Distinct([.. parameters.StopTokenIds ?? [], .. eosTokenIds])!,
            BadWords = badWords,
            Grammar = grammar,
            Thoughts = thoughts,
            DryBreakers = dryBreakers
                .Where(ids => ids.Length > 0)
                .GroupBy(ids => ids[0])
                .ToFrozenDictionary(group => group.Key, group => group.ToArray()),
        };
    }

    private static GrammarProgram? CompileGrammar(SamplingParams parameters, ITokenizer? tokenizer)
    {
        if (parameters.StructuredOutputs is not { } outputs)
        {
            return null;
        }

        if (tokenizer is null)
        {
            throw EngineException.Invalid("structured_outputs", "needs a tokenizer, and this model has none");
        }

        TokenTrie vocabulary = TokenTrie.Of(tokenizer);
        var program = new GrammarProgram(
            outputs.Compile(GrammarLimits.Default, vocabulary), vocabulary, outputs.SpecialIds(tokenizer));
        program.Prepare(GrammarLimits.Default.MaxPrepareMilliseconds);
        return program;
    }

    private static int[]? Distinct(IReadOnlyList<int>? ids) =>
        ids is null ? null : [.. ids.Distinct().Order()];
}
