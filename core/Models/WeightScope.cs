using Engine.Devices;
using Engine.Loading;
using Engine.Memory;
using Engine.Models.Layers;
using Engine.Quantization;

namespace Engine.Models;

/// <summary>The weights under a prefix: "model.layers.3.".</summary>
internal readonly struct WeightScope(ModelBuilder builder, string prefix)
{
    public ModelBuilder Builder => builder;

    public WeightScope Scope(string name) => new(builder, prefix + name);

    public SafetensorsTensor Tensor(string name, params ReadOnlySpan<long> shape) =>
        builder.Weights.Require(prefix + name, shape);

    public bool Contains(string name) => builder.Weights.Contains(prefix + name);

    /// <summary>Tensors of a module that some checkpoints carry and that no layer uses.</summary>
    public void Skip(string module) => builder.Weights.Skip(prefix + module);

    /// <summary>A stored [n, k] matrix with or without bias.</summary>
    public Linear Linear(string name, int n, int k, bool bias) => Fused(k, bias, (name, n));

    /// <summary>Several stored matrices above one another, computed as one.</summary>
    public Linear Fused(int k, bool bias, params ReadOnlySpan<(string Name, int N)> parts)
    {
        SafetensorsTensor[] tensors = new SafetensorsTensor[parts.Length];
        List<float> biases = [];
        for (int i = 0; i < parts.Length; i++)
        {
            tensors[i] = Tensor($"{parts[i].Name}.weight", parts[i].N, k);
            if (bias) biases.AddRange(builder.ReadVector(Tensor($"{parts[i].Name}.bias", parts[i].N)));
        }
        return builder.AddLinear(builder.Source(tensors), bias ? [.. biases] : null);
    }

    /// <summary>A stored [n, k] matrix with its rows in another order.</summary>
    /// <param name="name">Of the tensor, less ".weight".</param>
    /// <param name="n">Rows.</param>
    /// <param name="k">Columns.</param>
    /// <param name="bias">With a bias of the same order.</param>
    /// <param name="runs">First row and number of rows of each run; together all rows.</param>
    public Linear Reordered(
        string name, int n, int k, bool bias, IReadOnlyList<(int First, int Count)> runs)
    {
        if (builder.Weights.HoldsSortedQkv) return Linear(name, n, k, bias);
        SafetensorsTensor tensor = Tensor($"{name}.weight", n, k);
        List<LinearPart> parts = [];
        List<float> biases = [];
        float[]? stored = bias ? builder.ReadVector(Tensor($"{name}.bias", n)) : null;
        foreach ((int first, int count) in runs)
        {
            parts.Add(ModelBuilder.Part(tensor, first, count));
            if (stored is not null) biases.AddRange(stored.AsSpan(first, count));
        }
        LinearSource source = new() { Parts = parts, ComputeType = builder.ComputeType };
        return builder.AddLinear(source, bias ? [.. biases] : null);
    }

    /// <summary>A stored [k, n] matrix with bias (GPT-2's Conv1D).</summary>
    public Linear Transposed(string name, int n, int k)
    {
        if (!builder.Weights.HoldsConv1D) return Linear(name, n, k, bias: true);
        SafetensorsTensor t = Tensor($"{name}.weight", k, n);
        LinearSource source = new()
        {
            Parts =
            [
                t.Matrix is null
                    ? ModelBuilder.AsFloats(new LinearPart(n, k, t.Type, t.Address, n, Transposed: true))
                    : new LinearPart(n, k, DType.F32, 0, k, Matrix: new TransposedMatrix(t.Matrix)),
            ],
            ComputeType = builder.ComputeType,
        };
        return builder.AddLinear(source, builder.ReadVector(Tensor($"{name}.bias", n)));
    }

    /// <summary>An RMS norm over width columns.</summary>
    /// <param name="name">Of the tensor, less ".weight".</param>
    /// <param name="width">Columns normed together.</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <param name="offset">Added to the weight (Gemma: 1).</param>
    public Norm RmsNorm(string name, int width, float epsilon, float offset = 0) => new()
    {
        IsLayerNorm = false,
        Width = width,
        Epsilon = epsilon,
        Weight = builder.Vector(Shifted(Tensor($"{name}.weight", width), offset)),
    };

    /// <summary>A layer norm over width columns; the first BERT files say gamma and beta.</summary>
    public Norm LayerNorm(string name, int width, float epsilon, bool bias = true, float offset = 0) => new()
    {
        IsLayerNorm = true,
        Width = width,
        Epsilon = epsilon,
        Weight = builder.Vector(Shifted(Tensor(Either(name, "gamma", "weight"), width), offset)),
        Bias = bias ? builder.Vector(Tensor(Either(name, "beta", "bias"), width)) : null,
    };

    /// <summary>A layer norm without bias per head, every head with its own weight.</summary>
    public Norm LayerNormPerHead(float[] weight, int headDim, float epsilon) => new()
    {
        IsLayerNorm = true,
        Width = headDim,
        Epsilon = epsilon,
        Weight = builder.Vector(weight),
        PerGroupWeight = true,
    };

    private string Either(string name, string old, string usual) =>
        Contains($"{name}.{old}") ? $"{name}.{old}" : $"{name}.{usual}";

    private float[] Shifted(SafetensorsTensor tensor, float offset)
    {
        float[] values = builder.ReadVector(tensor);
        if (offset != 0 && !builder.Weights.HoldsShiftedNorms)
        {
            for (int i = 0; i < values.Length; i++) values[i] += offset;
        }
        return values;
    }
}
