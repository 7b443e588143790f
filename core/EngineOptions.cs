using Engine.Speculation;

namespace Engine;

/// <summary>Every limit of one engine, validated once; names as in vLLM's flags.</summary>
public sealed record EngineOptions
{
    /// <summary>Tokens of a KV block.</summary>
    public int BlockSize { get; init; } = 16;

    /// <summary>KV blocks; null derives them from KvCacheMemoryBytes.</summary>
    public int? NumBlocks { get; init; }

    /// <summary>Memory for KV blocks; null takes what MaxNumSeqs x MaxModelLen needs, capped by free memory.</summary>
    public long? KvCacheMemoryBytes { get; init; }

    /// <summary>Share of a GPU's memory that this process may fill; what weights and activations leave of it is for
    /// KV blocks. Other devices ignore it.</summary>
    public double GpuMemoryUtilization { get; init; } = 0.9;

    /// <summary>"auto", "float32", "bfloat16", "float16", "int8" (a scale per token and head) or "fp8" (e4m3, with the
    /// checkpoint's k_scale and v_scale where it has them). Auto is what the checkpoint asks for, else as the model
    /// computes; with dtype float32 nothing is rounded.</summary>
    public string KvCacheDtype { get; init; } = "auto";

    /// <summary>Requests that run at the same time, at most.</summary>
    public int MaxNumSeqs { get; init; } = 256;

    /// <summary>Tokens of one step, at most.</summary>
    public int MaxNumBatchedTokens { get; init; } = 2048;

    /// <summary>Requests that wait, at most; 0 is 4 x MaxNumSeqs.</summary>
    public int MaxQueueSize { get; init; }

    /// <summary>Longest prompt plus output; null is the model's.</summary>
    public int? MaxModelLen { get; init; }

    /// <summary>Reuses the KV of equal prefixes.</summary>
    public bool EnablePrefixCaching { get; init; } = true;

    /// <summary>Spreads a long prompt over steps.</summary>
    public bool EnableChunkedPrefill { get; init; } = true;

    /// <summary>Largest logprobs a request may ask for; -1 there needs -1 or the vocabulary's size here.</summary>
    public int MaxLogprobs { get; init; } = 20;

    /// <summary>Largest n a request may ask for.</summary>
    public int MaxN { get; init; } = 128;

    /// <summary>Health is Stalled if work is pending and no step has ended for so long.</summary>
    public double StallThresholdSeconds { get; init; } = 30;

    /// <summary>Drafts tokens and verifies several in one step; null does not.</summary>
    public SpeculativeOptions? Speculative { get; init; }

    /// <summary>Keys the seeds of requests that name none.</summary>
    public long Seed { get; init; }
}
