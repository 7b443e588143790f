using Engine.Devices;
using Engine.Memory;
using Engine.Quantization;

namespace Engine.Loading;

/// <summary>Where a model's tensors come from; remembers which were taken.</summary>
internal abstract class WeightSource : IDisposable
{
    private readonly HashSet<string> _skipped = new(StringComparer.Ordinal);

    /// <summary>True if some tensor's name starts so.</summary>
    public abstract bool HasPrefix(string prefix);

    /// <summary>True if there is such a tensor.</summary>
    public abstract bool Contains(string name);

    /// <summary>A tensor of this very shape; an error that names file, tensor, expected and found.</summary>
    public abstract SafetensorsTensor Require(string name, params ReadOnlySpan<long> shape);

    /// <summary>Type of the stored weights, where the source knows.</summary>
    public abstract DType? StoredType { get; }

    /// <summary>True if norms of 1 + weight are stored with the 1 added.</summary>
    public virtual bool HoldsShiftedNorms => false;

    /// <summary>True if fused q, k, v are stored sorted where the family's own checkpoints mix them by head.</summary>
    public virtual bool HoldsSortedQkv => false;

    /// <summary>True if GPT-2's matrices are stored [in, out].</summary>
    public virtual bool HoldsConv1D => true;

    /// <summary>What the checkpoint wants K and V stored as; null is as the model computes.</summary>
    public virtual DType? KvCacheType => null;

    /// <summary>What it divides K and V of a layer by before they are rounded to 8 bits; NaN if unreadable.</summary>
    public virtual KvScale KvScaleOf(int layer) => new(1, 1);

    /// <summary>What the output matrix was meant to be rounded to, where it is stored as floats.</summary>
    public virtual WeightQuantization OutputRounding => WeightQuantization.None;

    /// <summary>What matrices are to be rounded to as they are packed: what the load options ask for that the
    /// checkpoint is not already.</summary>
    public WeightQuantization RoundTo { get; set; }

    /// <summary>True if most matrices are stored rounded.</summary>
    public virtual bool IsRounded => false;

    /// <summary>Why tensors are not those of a checkpoint to the bit, or null if they are.</summary>
    public virtual string? DiffersFromCheckpoint => null;

    /// <summary>Fails if a tensor was never asked for: what it would do is then missing from the model.</summary>
    /// <param name="architecture">For the message.</param>
    /// <param name="ignorable">Names known to carry nothing.</param>
    public abstract void CheckAllTaken(string architecture, Func<string, bool> ignorable);

    /// <summary>A module whose tensors may be there and carry nothing: "model.layers.3.self_attn.k_proj".</summary>
    public virtual void Skip(string module) => _skipped.Add(module);

    /// <summary>True for a tensor of such a module.</summary>
    protected bool IsSkipped(string name)
    {
        int dot = name.LastIndexOf('.');
        return dot > 0 && _skipped.Contains(name[..dot]);
    }

    /// <summary>All values as f32.</summary>
    public static float[] ReadVector(SafetensorsTensor tensor)
    {
        float[] values = new float[tensor.Shape.Aggregate(1L, static (a, b) => a * b)];
        if (tensor.Matrix is WeightMatrix matrix)
        {
            Parallel.For(0, matrix.N, r => matrix.Dequantize(r, values.AsSpan(r * matrix.K, matrix.K)));
            return values;
        }

        FloatBits.Read(values, tensor.Address, 0, tensor.Type);
        return values;
    }

    /// <summary>Gives back memory that only holds what has been read from files.</summary>
    public virtual void DropPages()
    {
    }

    public virtual void Dispose() => GC.SuppressFinalize(this);
}
