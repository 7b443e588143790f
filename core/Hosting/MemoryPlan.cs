using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Execution;
using Engine.Loading;
using Engine.Loading.Gguf;
using Engine.Memory;
using Engine.Models;
using Engine.Speculation;

namespace Engine.Hosting;

/// <summary>What a model will take, known from config.json and the headers of its files alone.</summary>
public sealed record MemoryPlan
{
    /// <summary>The class of architectures[0].</summary>
    public required string Architecture { get; init; }

    /// <summary>What the weights are computed in.</summary>
    public required DType ComputeType { get; init; }

    /// <summary>Parameters, tied ones once.</summary>
    public required long NumParameters { get; init; }

    /// <summary>Bytes of packed weights, norms, biases and rotary tables, a draft's included.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Bytes of the KV cache.</summary>
    public required long KvCacheBytes { get; init; }

    /// <summary>Bytes of activations and logits of the largest step.</summary>
    public required long ActivationBytes { get; init; }

    /// <summary>KV blocks.</summary>
    public required int NumBlocks { get; init; }

    /// <summary>Bytes of a KV block over all layers.</summary>
    public required long BlockBytes { get; init; }

    /// <summary>Tokens that the KV cache holds.</summary>
    public required long NumKvTokens { get; init; }

    /// <summary>Longest prompt plus output.</summary>
    public required int MaxModelLen { get; init; }

    /// <summary>Memory of the device that is free now.</summary>
    public required long FreeBytes { get; init; }

    /// <summary>The device, for people.</summary>
    public required string Device { get; init; }

    /// <summary>All memory of the device; of a CPU what is free.</summary>
    public required long DeviceBytes { get; init; }

    /// <summary>All of it.</summary>
    public long TotalBytes => WeightBytes + KvCacheBytes + ActivationBytes;

    /// <summary>True if it fits the memory that is free now.</summary>
    public bool Fits => TotalBytes <= FreeBytes;

    /// <summary>Computes the plan; reads no weight.</summary>
    /// <param name="load">What would be loaded.</param>
    /// <param name="engine">Limits of the engine that would run it.</param>
    /// <param name="cancellation">Stops a download of the model's files.</param>
    /// <exception cref="EngineException">As LoadedModel.Load for everything that headers can tell.</exception>
    public static MemoryPlan Compute(
        ModelLoadOptions load, EngineOptions engine, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(load);
        ArgumentNullException.ThrowIfNull(engine);
        ModelFolder folder = ModelResolver.Resolve(load, cancellation);
        using GgufModel? gguf = folder.Gguf;
        ModelConfig config = ModelConfig.Read(folder, overrides: load.HfOverrides);
        config.LimitModelLen(load.MaxModelLen);
        using WeightSource weights = ModelResolver.OpenWeights(load, config, folder);
        DType type = ModelResolver.ComputeType(load, config, weights);
        using CallerContext context = CallerContext.Keep();
        using IDevice device = DeviceFactory.CreateForPlan(load, type, weights.RoundTo);
        ModelBuilder builder = ModelWeights.Plan(config, device, weights, type);
        using DraftSource? draftSource = DraftSource.Open(engine.Speculative, cancellation);
        ModelBuilder? draft = draftSource?.Plan(device);
        long weightBytes = builder.PlannedBytes + (draft?.PlannedBytes ?? 0);
        DeviceMemory memory = device.Memory();
        RunnerLimits limits = RunnerLimits.Derive(
            engine, config, KvLayout.Of(builder.KvLayers, weights), type, device, memory, weightBytes,
            builder.Activations, builder.OutputWidth, draft);
        return new MemoryPlan
        {
            Architecture = config.Architecture,
            ComputeType = type,
            NumParameters = builder.NumParameters,
            WeightBytes = weightBytes,
            KvCacheBytes = limits.KvBytes,
            ActivationBytes = limits.StepBytes,
            NumBlocks = limits.NumBlocks,
            BlockBytes = limits.KvBytes / limits.NumBlocks,
            NumKvTokens = (long)limits.NumBlocks * engine.BlockSize,
            MaxModelLen = limits.MaxModelLen,
            FreeBytes = memory.FreeBytes,
            Device = device.Name,
            DeviceBytes = memory.TotalBytes,
        };
    }
}
