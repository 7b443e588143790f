using Engine.Devices;
using Engine.Memory;
using Engine.Models;

namespace Engine.Execution;

/// <summary>Sizes of everything a runner holds, from the engine's options and the model's shapes.</summary>
internal sealed class RunnerLimits
{
    public required int MaxNumTokens { get; init; }

    public required int MaxNumSeqs { get; init; }

    public required int MaxModelLen { get; init; }

    public required int NumBlocks { get; init; }

    public required int LogitsRows { get; init; }

    public required KvStorageShape KvShape { get; init; }

    /// <summary>KV of a draft in blocks of the same ids; null without one.</summary>
    public KvStorageShape? DraftKvShape { get; init; }

    /// <summary>Of all blocks, a draft's included.</summary>
    public required long KvBytes { get; init; }

    public int MaxBlocksPerSeq => BlocksFor(MaxModelLen, KvShape.BlockSize);

    /// <summary>Derives the sizes.</summary>
    /// <param name="options">Limits of the engine.</param>
    /// <param name="config">The model.</param>
    /// <param name="kv">What the model says of its KV cache.</param>
    /// <param name="computeType">What the model computes in.</param>
    /// <param name="device">For the bytes of a block.</param>
    /// <param name="freeBytes">Memory that may be used where options name no size.</param>
    /// <param name="draft">What drafts, as a plan; null without a draft model or head.</param>
    public static RunnerLimits Derive(
        EngineOptions options, ModelConfig config, KvLayout kv,
        DType computeType, IDevice device, long freeBytes, ModelBuilder? draft = null)
    {
        Require(options.BlockSize is >= 1 and <= 1024, "block_size", "1 to 1024", options.BlockSize);
        Require(options.MaxNumSeqs is >= 1 and <= 65536, "max_num_seqs", "1 to 65536", options.MaxNumSeqs);
        Require(
            options.MaxNumBatchedTokens is >= 1 and <= 1 << 20, "max_num_batched_tokens", "1 to 1048576",
            options.MaxNumBatchedTokens);
        int maxModelLen = options.MaxModelLen ?? config.MaxModelLen;
        Require(
            maxModelLen >= 1 && maxModelLen <= config.MaxModelLen, "max_model_len",
            $"1 to {config.MaxModelLen}", maxModelLen);
        KvStorageShape shape = kv.Shape(options, computeType);
        KvStorageShape? draftShape = draft is null
            ? null
            : KvLayout.Of(draft.KvLayers, draft.Weights).Shape(options, draft.ComputeType);
        long blockBytes = device.KvBlockBytes(shape) + (draftShape is null ? 0 : device.KvBlockBytes(draftShape));
        int numBlocks = NumBlocksOf(options, maxModelLen, blockBytes, freeBytes);
        return new RunnerLimits
        {
            MaxNumTokens = Math.Max(options.MaxNumBatchedTokens, options.MaxNumSeqs),
            MaxNumSeqs = options.MaxNumSeqs,
            MaxModelLen = maxModelLen,
            NumBlocks = numBlocks,
            LogitsRows = ModelRunner.LogitsRowsOf(
                options.MaxNumSeqs * (1 + (options.Speculative?.NumSpeculativeTokens ?? 0)), config.VocabSize),
            KvShape = shape,
            DraftKvShape = draftShape,
            KvBytes = checked(numBlocks * blockBytes),
        };
    }

    /// <summary>Bytes of activations and logits of a model within these limits.</summary>
    public long ActivationBytes(ActivationShape shape, int outputWidth, int vocabSize) =>
        ((long)MaxNumTokens * shape.FloatsPerToken * sizeof(float)) +
        ((long)LogitsRows * (outputWidth + vocabSize) * sizeof(float));

    /// <summary>Bytes of activations, kept features and logits of what drafts.</summary>
    public long DraftActivationBytes(ModelBuilder draft) =>
        ((long)MaxNumTokens * draft.Activations.FloatsPerToken * sizeof(float))
        + ((long)MaxNumSeqs * draft.Config.HiddenSize * sizeof(float))
        + ((long)ModelRunner.LogitsRowsOf(MaxNumSeqs, draft.Config.VocabSize)
            * (draft.Config.HiddenSize + draft.Config.VocabSize) * sizeof(float));

    private static int NumBlocksOf(
        EngineOptions options, int maxModelLen, long blockBytes, long freeBytes)
    {
        if (options.NumBlocks is int given)
        {
            Require(given >= 1, "num_blocks", "at least 1", given);
            return given;
        }
        if (options.KvCacheMemoryBytes is long bytes)
        {
            long fit = bytes / blockBytes;
            return fit >= 1
                ? (int)Math.Min(fit, int.MaxValue / options.BlockSize)
                : throw EngineException.Invalid(
                    "kv_cache_memory_bytes", $"expected at least one block of {blockBytes} bytes, found {bytes}");
        }
        long need = (long)options.MaxNumSeqs * BlocksFor(maxModelLen, options.BlockSize);
        long blocks = Math.Min(Math.Min(need, freeBytes / blockBytes), int.MaxValue / options.BlockSize);
        return blocks >= 1
            ? (int)blocks
            : throw new EngineException(
                EngineStatus.OutOfMemory,
                $"no memory for the KV cache: a block is {blockBytes} bytes, {freeBytes} bytes may be used; " +
                "set kv_cache_memory_bytes or num_blocks, or a shorter max_model_len",
                "kv_cache_memory_bytes");
    }

    private static int BlocksFor(int tokens, int blockSize) => (tokens + blockSize - 1) / blockSize;

    private static void Require(bool good, string parameter, string expected, long found)
    {
        if (!good) throw EngineException.Invalid(parameter, $"expected {expected}, found {found}");
    }
}
