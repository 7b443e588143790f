using Engine.Devices;
using Engine.Memory;
using Engine.Models;
using Engine.Sampling;

namespace Engine.Execution;

/// <summary>Sizes of everything a runner holds, from the engine's options and the model's shapes.</summary>
internal sealed class RunnerLimits
{
    public required int MaxNumTokens { get; init; }

    public required int MaxNumSeqs { get; init; }

    public required int MaxModelLen { get; init; }

    public required int NumBlocks { get; init; }

    public required int LogitsRows { get; init; }

    /// <summary>The most log probabilities of a row that a device gives.</summary>
    public int MaxLogprobs { get; init; }

    public required KvStorageShape KvShape { get; init; }

    /// <summary>KV of a draft in blocks of the same ids; null without one.</summary>
    public KvStorageShape? DraftKvShape { get; init; }

    /// <summary>Of all blocks, a draft's included.</summary>
    public required long KvBytes { get; init; }

    public int MaxBlocksPerSeq => BlocksFor(MaxModelLen, KvShape.BlockSize);

    /// <summary>Bytes of activations, logits, sampling and what else is kept for steps where the weights are.</summary>
    public required long StepBytes { get; init; }

    /// <summary>Derives the sizes.</summary>
    /// <param name="options">Limits of the engine.</param>
    /// <param name="config">The model.</param>
    /// <param name="kv">What the model says of its KV cache.</param>
    /// <param name="computeType">What the model computes in.</param>
    /// <param name="device">For the bytes of a block.</param>
    /// <param name="memory">What the device has.</param>
    /// <param name="weightBytes">Weights that are not there yet.</param>
    /// <param name="activations">Widths per token.</param>
    /// <param name="outputWidth">Width of what the output matrix reads.</param>
    /// <param name="draft">What drafts, as a plan; null without a draft model or head.</param>
    public static RunnerLimits Derive(
        EngineOptions options, ModelConfig config, KvLayout kv, DType computeType, IDevice device,
        DeviceMemory memory, long weightBytes, ActivationShape activations, int outputWidth,
        ModelBuilder? draft = null)
    {
        int maxModelLen = CheckOptions(options, config);
        KvStorageShape shape = kv.Shape(options, computeType);
        KvStorageShape? draftShape = draft is null
            ? null
            : KvLayout.Of(draft.KvLayers, draft.Weights).Shape(options, draft.ComputeType);
        long blockBytes = device.KvBlockBytes(shape) + (draftShape is null ? 0 : device.KvBlockBytes(draftShape));
        int maxNumTokens = Math.Max(options.MaxNumBatchedTokens, options.MaxNumSeqs);
        int logitsRows = ModelRunner.LogitsRowsOf(
            options.MaxNumSeqs * (1 + (options.Speculative?.NumSpeculativeTokens ?? 0)), config.VocabSize);
        int elementBytes = device.ActivationType.SizeOf();
        long stepBytes = ((long)maxNumTokens * activations.FloatsPerToken * elementBytes)
            + ((long)logitsRows * ((outputWidth * elementBytes) + ((long)config.VocabSize * sizeof(float))))
            + device.StepBytes(
                new StepLimits(maxNumTokens, options.MaxNumSeqs, BlocksFor(maxModelLen, options.BlockSize)), shape);
        int maxLogprobs = ChooserLimits.LogprobsOf(options.MaxLogprobs);
        if (device is IDeviceSampler sampler)
        {
            stepBytes += sampler.ChooserBytes(new ChooserLimits(logitsRows, config.VocabSize, maxLogprobs))
                + (shape.RunsAhead ? sampler.TokenBytes(options.MaxNumSeqs, maxLogprobs) : 0);
        }

        if (device.IsHostMemory)
        {
            stepBytes += ModelRunner.SamplersFor(device, logitsRows, config.VocabSize)
                * Sampler.BytesFor(config.VocabSize);
        }

        if (draft is not null) stepBytes += DraftActivationBytes(draft, maxNumTokens, options.MaxNumSeqs, device);
        long kvMemory = device.KvMemory(memory, options.GpuMemoryUtilization, weightBytes, stepBytes);
        int numBlocks = NumBlocksOf(options, maxModelLen, blockBytes, kvMemory, device.IsHostMemory);
        if (!device.IsHostMemory && options is { NumBlocks: null, KvCacheMemoryBytes: null })
        {
            long missing = (BlocksFor(maxModelLen, options.BlockSize) * blockBytes) - kvMemory;
            maxModelLen = LengthThatFits(options, maxModelLen, numBlocks, blockBytes, missing, memory.TotalBytes);
        }

        return new RunnerLimits
        {
            MaxNumTokens = maxNumTokens,
            MaxNumSeqs = options.MaxNumSeqs,
            MaxModelLen = maxModelLen,
            NumBlocks = numBlocks,
            LogitsRows = logitsRows,
            MaxLogprobs = maxLogprobs,
            KvShape = shape,
            DraftKvShape = draftShape,
            KvBytes = checked(numBlocks * blockBytes),
            StepBytes = stepBytes,
        };
    }

    private static int CheckOptions(EngineOptions options, ModelConfig config)
    {
        Require(options.BlockSize is >= 1 and <= 1024, "block_size", "1 to 1024", options.BlockSize);
        Require(options.MaxNumSeqs is >= 1 and <= 65536, "max_num_seqs", "1 to 65536", options.MaxNumSeqs);
        Require(
            options.MaxNumBatchedTokens is >= 1 and <= 1 << 20, "max_num_batched_tokens", "1 to 1048576",
            options.MaxNumBatchedTokens);
        if (!(options.GpuMemoryUtilization is > 0 and <= 1))
        {
            throw EngineException.Invalid(
                "gpu_memory_utilization", $"expected more than 0 and at most 1, found {options.GpuMemoryUtilization}");
        }
        int maxModelLen = options.MaxModelLen ?? config.MaxModelLen;
        Require(
            maxModelLen >= 1 && maxModelLen <= config.MaxModelLen, "max_model_len",
            $"1 to {config.MaxModelLen}", maxModelLen);
        return maxModelLen;
    }

    // Bytes of activations, kept features and logits of what drafts.
    private static long DraftActivationBytes(ModelBuilder draft, int maxNumTokens, int maxNumSeqs, IDevice device)
    {
        int rows = ModelRunner.LogitsRowsOf(maxNumSeqs, draft.Config.VocabSize);
        return ((long)maxNumTokens * draft.Activations.FloatsPerToken * sizeof(float))
            + ((long)maxNumSeqs * draft.Config.HiddenSize * sizeof(float))
            + ((long)rows * (draft.Config.HiddenSize + draft.Config.VocabSize) * sizeof(float))
            + ((device as IDeviceSampler)?.ChooserBytes(new ChooserLimits(rows, draft.Config.VocabSize, 0)) ?? 0);
    }

    private static int NumBlocksOf(
        EngineOptions options, int maxModelLen, long blockBytes, long freeBytes, bool isHostMemory)
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
        // A GPU's memory is there to be filled: what running requests do not need keeps prefixes.
        long need = isHostMemory ? (long)options.MaxNumSeqs * BlocksFor(maxModelLen, options.BlockSize) : long.MaxValue;
        long blocks = Math.Min(Math.Min(need, freeBytes / blockBytes), int.MaxValue / options.BlockSize);
        return blocks >= 1
            ? (int)blocks
            : throw new EngineException(
                EngineStatus.OutOfMemory,
                $"no memory for the KV cache: a block is {blockBytes} bytes, {Math.Max(0, freeBytes)} bytes may be used; " +
                (isHostMemory ? "set kv_cache_memory_bytes or num_blocks, or a shorter max_model_len"
                    : "raise gpu_memory_utilization, or lower max_num_seqs, max_num_batched_tokens or max_model_len"),
                "kv_cache_memory_bytes");
    }

    // The model's own length is cut to what fits; one that was asked for is not.
    private static int LengthThatFits(
        EngineOptions options, int length, int numBlocks, long blockBytes, long missing, long totalBytes)
    {
        long fit = (long)numBlocks * options.BlockSize;
        if (fit >= length) return length;
        if (options.MaxModelLen is null) return (int)fit;
        double share = options.GpuMemoryUtilization + ((double)missing / totalBytes);
        throw new EngineException(
            EngineStatus.OutOfMemory,
            $"max_model_len: a sequence of {length} tokens needs {BlocksFor(length, options.BlockSize)} KV blocks of "
            + $"{blockBytes} bytes, and {numBlocks} fit: lower max_model_len to {fit}, "
            + (share < 1 ? $"raise gpu_memory_utilization to {Math.Ceiling(share * 1000) / 1000}, " : "")
            + "take kv_cache_dtype fp8, or lower max_num_seqs or max_num_batched_tokens",
            "max_model_len");
    }

    private static int BlocksFor(int tokens, int blockSize) => (tokens + blockSize - 1) / blockSize;

    private static void Require(bool good, string parameter, string expected, long found)
    {
        if (!good) throw EngineException.Invalid(parameter, $"expected {expected}, found {found}");
    }
}
