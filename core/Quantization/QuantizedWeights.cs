using Engine.Devices;
using Engine.Loading;
using Engine.Memory;

namespace Engine.Quantization;

/// <summary>
/// A quantized checkpoint seen as float tensors: a quantized layer is a matrix whose rows the device reads.
/// </summary>
internal sealed class QuantizedWeights(SafetensorsModel model, QuantizationSettings settings)
    : WeightSource
{
    private const string Suffix = ".weight";
    private readonly WeightMap _plain = new(model);
    private readonly StoredTensors _stored = new(model.Tensors, model.Name);
    private readonly Dictionary<string, SafetensorsTensor> _matrices = new(StringComparer.Ordinal);

    private readonly KvScales _kvScales = new(model.Tensors.Values);

    public override DType? StoredType => _plain.StoredType;

    public override DType? KvCacheType => settings.KvCacheType;

    public override bool IsRounded => true;

    public override WeightQuantization OutputRounding => settings.OutputRounding;

    public override KvScale KvScaleOf(int layer) => _kvScales.Of(layer);

    public override bool HasPrefix(string prefix) => _plain.HasPrefix(prefix);

    public override bool Contains(string name) =>
        _plain.Contains(name) || (ModuleOf(name) is string module && WeightFormats.IsQuantized(_stored, module));

    private static string? ModuleOf(string name) =>
        name.EndsWith(Suffix, StringComparison.Ordinal) ? name[..^Suffix.Length] : null;

    public override SafetensorsTensor Require(string name, params ReadOnlySpan<long> shape)
    {
        string? module = ModuleOf(name);
        bool quantized = module is not null && shape.Length == 2 && WeightFormats.IsQuantized(_stored, module);
        if (!quantized) return _plain.Require(name, shape);
        if (_matrices.TryGetValue(name, out SafetensorsTensor? ready)) return ready;
        SafetensorsTensor tensor = new()
        {
            Name = name,
            File = model.Name,
            Type = DType.F32,
            Shape = shape.ToArray(),
            Offset = 0,
            Bytes = checked(shape[0] * shape[1] * sizeof(float)),
            Matrix = WeightFormats.Open(_stored, module!, (int)shape[0], (int)shape[1], settings),
        };
        _matrices[name] = tensor;
        return tensor;
    }

    /// <summary>Shape [N, K] of a quantized layer, for tests that know no model.</summary>
    public (int N, int K) ShapeOf(string module)
    {
        if (_stored.Find(module + ".weight_shape") is SafetensorsTensor packed)
        {
            ReadOnlySpan<long> shape = StoredTensors.Values<long>(packed);
            return ((int)shape[0], (int)shape[1]);
        }

        if (_stored.Find(module + ".qweight") is SafetensorsTensor codes)
        {
            int outputs = (int)_stored.Find(module + ".scales")!.Shape[1];
            bool isAwq = settings.Method == "awq";
            int inputs = isAwq ? (int)codes.Shape[0] : _stored.Find(module + ".g_idx") is SafetensorsTensor g
                ? (int)g.Shape[0] : (int)codes.Shape[0] * 8;
            return (outputs, inputs);
        }

        SafetensorsTensor weight = _stored.Find(module + ".weight_packed") ?? _stored.Find(module + ".weight")!;
        if (BitsAndBytesMatrix.StateName(_stored, module) is string state)
            return BitsAndBytesMatrix.ShapeOf(_stored.Find(state)!);
        bool isFp4 = weight.Type == DType.U8;
        return ((int)weight.Shape[0], (int)weight.Shape[1] * (isFp4 ? 2 : 1));
    }

    public override void CheckAllTaken(string architecture, Func<string, bool> ignorable) =>
        _plain.CheckAllTaken(
            architecture,
            name => ignorable(name) || _stored.Read.Contains(name) || IsScale(name) || IsZeroBias(name));

    /// <summary>Scales of rounded activations and caches carry no weight.</summary>
    private static bool IsScale(string name) => name.EndsWith(".k_scale", StringComparison.Ordinal)
        || name.EndsWith(".v_scale", StringComparison.Ordinal)
        || name.EndsWith(".kv_scale", StringComparison.Ordinal)
        || name.EndsWith("_proj.output_scale", StringComparison.Ordinal)
        || name.EndsWith(".q_scale", StringComparison.Ordinal);

    /// <summary>Old GPTQ checkpoints give every layer a bias of zeros.</summary>
    private bool IsZeroBias(string name)
    {
        if (!name.EndsWith(".bias", StringComparison.Ordinal)) return false;
        SafetensorsTensor tensor = model.Tensors[name];
        return FloatBits.IsFloat(tensor.Type) && Array.TrueForAll(ReadVector(tensor), v => v == 0);
    }

    public override void Skip(string module) => _plain.Skip(module);

    public override void DropPages() => _plain.DropPages();

    public override void Dispose()
    {
        _matrices.Clear();
        _plain.Dispose();
        base.Dispose();
    }
}
