using System.Globalization;
using Engine.Devices;
using Engine.Loading;
using Engine.Memory;

namespace Engine.Quantization;

/// <summary>
/// The scales of an 8-bit KV cache that a checkpoint brings: k_scale and v_scale, under the attention
/// (compressed-tensors) or its projections (ModelOpt), or one kv_scale for both (older AutoFP8).
/// </summary>
internal sealed class KvScales
{
    private readonly Dictionary<int, SafetensorsTensor> _keys = [];
    private readonly Dictionary<int, SafetensorsTensor> _values = [];

    public KvScales(IEnumerable<SafetensorsTensor> tensors)
    {
        foreach (SafetensorsTensor tensor in tensors)
        {
            bool both = tensor.Name.EndsWith(".kv_scale", StringComparison.Ordinal);
            bool isKey = both || EndsWith(tensor, ".k_scale", ".k_proj.output_scale");
            bool isValue = both || EndsWith(tensor, ".v_scale", ".v_proj.output_scale");
            if ((!isKey && !isValue) || LayerOf(tensor.Name) is not int layer) continue;
            if (isKey) _keys[layer] = tensor;
            if (isValue) _values[layer] = tensor;
        }
    }

    /// <summary>
    /// The scales of a layer: 1 where there is none; where there is one it is both; NaN for what is no single number.
    /// </summary>
    public KvScale Of(int layer)
    {
        SafetensorsTensor? key = _keys.GetValueOrDefault(layer), value = _values.GetValueOrDefault(layer);
        if ((key ?? value) is null) return new KvScale(1, 1);
        return new KvScale(Read((key ?? value)!), Read((value ?? key)!));
    }

    // Before compressed-tensors had names for them they were scales of the projections' outputs.
    private static bool EndsWith(SafetensorsTensor tensor, string ending, string old) =>
        tensor.Name.EndsWith(ending, StringComparison.Ordinal) || tensor.Name.EndsWith(old, StringComparison.Ordinal);

    // The first number of the name: "model.layers.3.self_attn.k_scale".
    private static int? LayerOf(string name)
    {
        foreach (string part in name.Split('.'))
        {
            if (int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int layer)) return layer;
        }
        return null;
    }

    private static float Read(SafetensorsTensor tensor) =>
        tensor.Address != 0 && FloatBits.IsFloat(tensor.Type) && Array.TrueForAll(tensor.Shape, n => n == 1)
            ? FloatBits.Read(tensor.Address, 0, tensor.Type)
            : float.NaN;
}
