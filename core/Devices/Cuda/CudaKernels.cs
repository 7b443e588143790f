using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>One kernel in its three element types, found when first used.</summary>
internal sealed class CudaKernel(CudaModules modules, string stem, string suffix = "")
{
    private readonly CudaFunction?[] _functions = new CudaFunction?[3];
    private readonly bool?[] _exists = new bool?[3];

    public CudaFunction For(DType type) => _functions[IndexOf(type)] ??= modules.Find(NameFor(type));

    /// <summary>True if this build has it.</summary>
    public bool Has(DType type) => _exists[IndexOf(type)] ??= modules.Has(NameFor(type));

    private int IndexOf(DType type) => type switch
    {
        DType.F32 => 0,
        DType.F16 => 1,
        DType.BF16 => 2,
        _ => throw new ArgumentException($"no kernel {stem} of {type}", nameof(type)),
    };

    private string NameFor(DType type) => $"{stem}_{type.ToString().ToLowerInvariant()}{suffix}";
}

/// <summary>The kernels that the operations launch; kernels/cuda/include documents them.</summary>
internal sealed class CudaKernels(CudaModules modules)
{
    private readonly Dictionary<int, AttentionKernels> _attention = [];
    private readonly Dictionary<CudaCodeType, CodeKernels> _codes = [];
    private W8A8Kernels? _integers;
    private W8A8Kernels? _floats;
    private W8A8WgmmaKernels? _wgmmaIntegers;
    private W8A8WgmmaKernels? _wgmmaFloats;
    private CudaFunction? _gatherRows;
    private CudaFunction? _copyBlocks;
    private CudaFunction? _sample;
    private CudaFunction? _editLogits;
    private CudaFunction? _logprobs;

    public CudaKernel Embed { get; } = new(modules, "ekc_embed");

    public CudaKernel RmsNorm { get; } = new(modules, "ekc_rms_norm");

    public CudaKernel LayerNorm { get; } = new(modules, "ekc_layer_norm");

    public CudaKernel Map { get; } = new(modules, "ekc_map");

    public CudaKernel AddScaled { get; } = new(modules, "ekc_add_scaled");

    public CudaKernel ActivateMultiply { get; } = new(modules, "ekc_activate_multiply");

    public CudaKernel Rope { get; } = new(modules, "ekc_rope");

    public CudaKernel WriteKv { get; } = new(modules, "ekc_write_kv");

    public CudaKernel KvRope { get; } = new(modules, "ekc_kv_rope");

    public CudaKernel AttentionAny { get; } = new(modules, "ekc_attention_any");

    public CudaKernel LinearAny { get; } = new(modules, "ekc_linear_any");

    public CudaKernel LinearTiled { get; } = new(modules, "ekc_linear_tiled");

    public CudaKernel LinearSkinny { get; } = new(modules, "ekc_linear_skinny");

    /// <summary>Products by wgmma, in tiles of 8, 16, 32, 64 and 128 rows.</summary>
    public CudaKernel[] LinearWgmma { get; } =
        [.. CudaWgmma.TileRows.Select(rows => new CudaKernel(modules, $"ekc_linear_wgmma{rows}"))];

    public CudaKernel RoundInputs { get; } = new(modules, "ekc_round_inputs");

    public CudaKernel RoundValues { get; } = new(modules, "ekc_round_values");

    /// <summary>The last of them by pairs of CTAs.</summary>
    public CudaKernel LinearWgmmaPair { get; } = new(modules, "ekc_linear_wgmma_pair128");

    public CudaKernel PermuteColumns { get; } = new(modules, "ekc_permute_columns");

    /// <summary>Products of 8-bit inputs and weights.</summary>
    public W8A8Kernels Integers => _integers ??= new(modules, "i8");

    /// <summary>The same of e4m3 floats.</summary>
    /// <param name="isNative">Multiplied as such, not widened.</param>
    public W8A8Kernels Floats(bool isNative) => _floats ??= new(modules, isNative ? "e4m3_mma" : "e4m3");

    /// <summary>True if this build has products of 8-bit numbers by wgmma.</summary>
    public bool HasW8A8Wgmma => W8A8WgmmaKernels.Names("i8").All(modules.Has);

    /// <summary>Products of 8-bit inputs and weights by wgmma.</summary>
    public W8A8WgmmaKernels W8A8Wgmma(bool isFloat) =>
        isFloat ? _wgmmaFloats ??= new(modules, "e4m3") : _wgmmaIntegers ??= new(modules, "i8");

    public CudaFunction Sample => _sample ??= modules.Find("ekc_sample");

    public CudaFunction EditLogits => _editLogits ??= modules.Find("ekc_edit_logits");

    public CudaFunction Logprobs => _logprobs ??= modules.Find("ekc_logprobs");

    public CudaFunction GatherRows => _gatherRows ??= modules.Find("ekc_gather_rows");

    public CudaFunction CopyBlocks => _copyBlocks ??= modules.Find("ekc_copy_blocks");

    /// <summary>Products and embeddings of a kind of codes.</summary>
    public CodeKernels Codes(CudaCodeType type)
    {
        if (!_codes.TryGetValue(type, out CodeKernels? kernels))
        {
            string name = type.ToString().ToLowerInvariant();
            kernels = new CodeKernels(
                new(modules, $"ekc_linear_{name}_any"), new(modules, $"ekc_linear_{name}_tiled"),
                new(modules, $"ekc_linear_{name}_skinny"), new(modules, $"ekc_embed_{name}"));
            _codes.Add(type, kernels);
        }

        return kernels;
    }

    /// <summary>Attention by tensor cores for heads of up to so many columns.</summary>
    /// <param name="columns">64, 128, 192 or 256.</param>
    /// <param name="isNarrow">Over an 8-bit cache.</param>
    public AttentionKernels Attention(int columns, bool isNarrow)
    {
        int key = isNarrow ? -columns : columns;
        if (!_attention.TryGetValue(key, out AttentionKernels? kernels))
        {
            string kind = isNarrow ? "_e4m3" : "", suffix = $"_d{columns}";
            kernels = new AttentionKernels(
                new(modules, $"ekc_attention_tiled{kind}", suffix), new(modules, $"ekc_attention_split{kind}", suffix),
                new(modules, $"ekc_attention_split_bulk{kind}", suffix), new(modules, "ekc_attention_combine", suffix),
                new(modules, $"ekc_attention_wgmma{kind}", suffix));
            _attention.Add(key, kernels);
        }

        return kernels;
    }
}

/// <summary>Attention by tensor cores, for one width of head and kind of cache; Bulk is Split with bulk copies, where
/// the GPU has them, Wgmma is Tiled by wgmma.</summary>
internal sealed record AttentionKernels(
    CudaKernel Tiled, CudaKernel Split, CudaKernel Bulk, CudaKernel Combine, CudaKernel Wgmma);

/// <summary>Kernels for weights of one kind of codes.</summary>
internal sealed record CodeKernels(CudaKernel Any, CudaKernel Tiled, CudaKernel Skinny, CudaKernel Embed);

/// <summary>Products of 8-bit inputs and weights of one kind.</summary>
internal sealed class W8A8Kernels(CudaModules modules, string format)
{
    public CudaFunction Tiled { get; } = modules.Find($"ekc_linear_w8a8_{format}_tiled");

    public CudaFunction Skinny { get; } = modules.Find($"ekc_linear_w8a8_{format}_skinny");
}

/// <summary>Products of 8-bit inputs and weights of one kind by wgmma, in tiles as of 16-bit ones.</summary>
internal sealed class W8A8WgmmaKernels(CudaModules modules, string format)
{
    private readonly CudaFunction[] _functions = [.. Names(format).Select(modules.Find)];

    public CudaFunction Tile(int form) => _functions[form];

    public CudaFunction Pair => _functions[^1];

    /// <summary>By the rows of a tile, and pairs of the largest.</summary>
    public static IEnumerable<string> Names(string format) =>
        CudaWgmma.TileRows.Select(rows => $"ekc_linear_w8a8_wgmma{rows}_{format}")
            .Append($"ekc_linear_w8a8_wgmma_pair128_{format}");
}
