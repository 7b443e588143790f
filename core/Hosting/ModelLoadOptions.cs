namespace Engine.Hosting;

/// <summary>What to load and how; names as in vLLM's flags.</summary>
public sealed class ModelLoadOptions
{
    /// <summary>
    /// A folder in Hugging Face layout, a .gguf file, or a model name of the hub; "name:TAG" is one of several GGUF
    /// models, such as Q4_K_M, of a name or folder.
    /// </summary>
    public required string Model { get; init; }

    /// <summary>Another folder or file for the tokenizer.</summary>
    public string? Tokenizer { get; init; }

    /// <summary>"auto" (as stored), "float32", "bfloat16" or "float16".</summary>
    public string Dtype { get; init; } = "auto";

    /// <summary>"auto", "safetensors", "gguf" or "dummy" (random weights, from config.json alone).</summary>
    public string LoadFormat { get; init; } = "auto";

    /// <summary>"cpu", "cuda" or "cuda:1" for an NVIDIA GPU, or "reference" for the slow scalar device.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Worker threads; 0 is every CPU of the affinity mask and cgroup quota.</summary>
    public int NumThreads { get; init; }

    /// <summary>CPUs to bind threads to, as "0-7,16" or "node:0" (one NUMA node); null is the affinity mask, bound
    /// only if the threads fill it.</summary>
    public string? Cpus { get; init; }

    /// <summary>"local" (pages lie where they are first touched) or "interleave" (spread over all NUMA nodes).</summary>
    public string Numa { get; init; } = "local";

    /// <summary>"none", "int8", "int4" (in groups of 32) or "fp8" (e4m3, a scale per output): weights are rounded as
    /// they are packed (CPU). vLLM's names of what a checkpoint is (awq, gptq_marlin, compressed-tensors, ...)
    /// change nothing, and are refused where it is something else.</summary>
    public string Quantization { get; init; } = "none";

    /// <summary>"8", "15" or "float": bits of activations that meet rounded weights; "auto": as the checkpoint rounds
    /// them, and 8 where it does not (CPU).</summary>
    public string ActivationPrecision { get; init; } = "auto";

    /// <summary>A JSON object whose members replace those of config.json; null is none.</summary>
    public string? HfOverrides { get; init; }

    /// <summary>"auto" (by config.json and sentence-transformers' files), "generate" or "pooling"; for
    /// <see cref="ModelLoader"/>.</summary>
    public string Runner { get; init; } = "auto";

    /// <summary>Longest prompt plus output; null is the model's own.</summary>
    public int? MaxModelLen { get; init; }

    /// <summary>Revision on the hub.</summary>
    public string? Revision { get; init; }

    /// <summary>Where downloads are kept; null is HF_HUB_CACHE, HF_HOME or the default.</summary>
    public string? DownloadDir { get; init; }

    /// <summary>Seeds dummy weights.</summary>
    public long Seed { get; init; }

    /// <summary>Steps on a GPU are launched one by one, not recorded and replayed.</summary>
    public bool EnforceEager { get; init; }

    /// <summary>Numbers of sequences that recorded steps on a GPU are padded to, each more than 0; larger steps are not
    /// recorded. Null is 1, 2, 4, multiples of 8 to 256 and of 16 to 512.</summary>
    public IReadOnlyList<int>? GraphSizes { get; init; }

    /// <summary>The largest step in sequences that is recorded on a GPU; null is GraphSizes' largest.</summary>
    public int? MaxGraphSize { get; init; }

    /// <summary>The next step on a GPU begins before this one's tokens are read; null is yes, unless
    /// ENGINE_CUDA_ASYNC=0.</summary>
    public bool? AsyncScheduling { get; init; }

    /// <summary>A plan for a GPU of so much memory, which need not be there; null asks the driver.</summary>
    public long? GpuMemoryBytes { get; init; }

    /// <summary>Tests reach a fake GPU by these.</summary>
    internal Devices.Cuda.CudaDeviceOptions? Cuda { get; init; }

    /// <summary>Called with (stage, bytes done, bytes in all) while loading; any thread.</summary>
    public IProgress<LoadProgress>? Progress { get; init; }
}

/// <summary>How far loading is.</summary>
/// <param name="Stage">"download", "weights", ...</param>
/// <param name="DoneBytes">Bytes done.</param>
/// <param name="TotalBytes">Bytes in all, or 0 if unknown.</param>
public readonly record struct LoadProgress(string Stage, long DoneBytes, long TotalBytes);
