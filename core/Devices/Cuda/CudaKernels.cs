using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>One kernel in its three element types, found when first used.</summary>
internal sealed class CudaKernel(CudaModules modules, string stem, string suffix = "")
{
    private readonly CudaFunction?[] _functions = new CudaFunction?[3];

    public CudaFunction For(DType type)
    {
        int index = type switch
        {
            DType.F32 => 0,
            DType.F16 => 1,
            DType.BF16 => 2,
            _ => throw new ArgumentException($"no kernel {stem} of {type}", nameof(type)),
        };
        return _functions[index] ??= modules.Find(NameFor(type));
    }

    /// <summary>True if this build has it.</summary>
    public bool Has(DType type) => modules.Has(NameFor(type));

    private string NameFor(DType type) => $"{stem}_{type.ToString().ToLowerInvariant()}{suffix}";
}

/// <summary>The kernels that the operations launch; kernels/cuda/include documents them.</summary>
internal sealed class CudaKernels(CudaModules modules)
{
    private readonly Dictionary<int, AttentionKernels> _attention = [];
    private CudaFunction? _gatherRows;
    private CudaFunction? _copyBlocks;

    public CudaKernel Embed { get; } = new(modules, "ekc_embed");

    public CudaKernel RmsNorm { get; } = new(modules, "ekc_rms_norm");

    public CudaKernel LayerNorm { get; } = new(modules, "ekc_layer_norm");

    public CudaKernel Map { get; } = new(modules, "ekc_map");

    public CudaKernel AddScaled { get; } = new(modules, "ekc_add_scaled");

    public CudaKernel ActivateMultiply { get; } = new(modules, "ekc_activate_multiply");

    public CudaKernel Rope { get; } = new(modules, "ekc_rope");

    public CudaKernel WriteKv { get; } = new(modules, "ekc_write_kv");

    public CudaKernel AttentionAny { get; } = new(modules, "ekc_attention_any");

    public CudaKernel LinearAny { get; } = new(modules, "ekc_linear_any");

    public CudaKernel LinearTiled { get; } = new(modules, "ekc_linear_tiled");

    public CudaKernel LinearSkinny { get; } = new(modules, "ekc_linear_skinny");

    public CudaKernel Argmax { get; } = new(modules, "ekc_argmax");

    public CudaFunction GatherRows => _gatherRows ??= modules.Find("ekc_gather_rows");

    public CudaFunction CopyBlocks => _copyBlocks ??= modules.Find("ekc_copy_blocks");

    /// <summary>Attention by tensor cores for heads of up to so many columns.</summary>
    public AttentionKernels Attention(int columns)
    {
        if (!_attention.TryGetValue(columns, out AttentionKernels? kernels))
        {
            string suffix = $"_d{columns}";
            kernels = new AttentionKernels(
                new(modules, "ekc_attention_tiled", suffix), new(modules, "ekc_attention_split", suffix),
                new(modules, "ekc_attention_combine", suffix));
            _attention.Add(columns, kernels);
        }

        return kernels;
    }
}

/// <summary>Attention by tensor cores, for one width of head.</summary>
internal sealed record AttentionKernels(CudaKernel Tiled, CudaKernel Split, CudaKernel Combine);
