using Engine.Loading;
using Engine.Memory;

namespace Engine.Quantization;

/// <summary>The tensors of a checkpoint, fetched with a check of type and shape; knows what was read.</summary>
internal sealed class StoredTensors(IReadOnlyDictionary<string, SafetensorsTensor> tensors, string file)
{
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);

    /// <summary>Names that some format has read or knows to carry no weight.</summary>
    public IReadOnlySet<string> Read => _read;

    public IEnumerable<string> Names => tensors.Keys;

    public bool Has(string name) => tensors.ContainsKey(name);

    public bool Has(string name, params ReadOnlySpan<DType> types) =>
        tensors.TryGetValue(name, out SafetensorsTensor? t) && Contains(types, t.Type);

    private static bool Contains(ReadOnlySpan<DType> types, DType type)
    {
        foreach (DType candidate in types)
        {
            if (candidate == type) return true;
        }

        return false;
    }

    public SafetensorsTensor? Find(string name)
    {
        if (!tensors.TryGetValue(name, out SafetensorsTensor? tensor)) return null;
        _read.Add(name);
        return tensor;
    }

    /// <summary>Marks tensors that only matter to rounded activations or caches.</summary>
    public void Skip(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (tensors.ContainsKey(name)) _read.Add(name);
        }
    }

    public SafetensorsTensor Need(string name, params ReadOnlySpan<DType> types)
    {
        SafetensorsTensor tensor = Find(name) ?? throw EngineException.Corrupt(
            file, $"tensor '{name}': expected beside the quantized weight, found no such tensor");
        return Contains(types, tensor.Type)
            ? tensor
            : throw EngineException.Corrupt(
                tensor.File,
                $"tensor '{name}': expected {string.Join(" or ", types.ToArray())}, found {tensor.Type}");
    }

    /// <summary>Fails unless a tensor has this shape.</summary>
    public static void CheckShape(SafetensorsTensor tensor, params ReadOnlySpan<long> shape)
    {
        if (!shape.SequenceEqual(tensor.Shape))
        {
            throw EngineException.Corrupt(
                tensor.File,
                $"tensor '{tensor.Name}': expected shape {SafetensorsTensor.Format(shape)}, "
                + $"found {tensor.ShapeText}");
        }
    }

    public static EngineException Bad(SafetensorsTensor tensor, string expected, string found) =>
        EngineException.Corrupt(tensor.File, $"tensor '{tensor.Name}': expected {expected}, found {found}");

    public static unsafe ReadOnlySpan<byte> Bytes(SafetensorsTensor tensor) =>
        new((void*)tensor.Address, checked((int)tensor.Bytes));

    public static ReadOnlySpan<T> Values<T>(SafetensorsTensor tensor)
        where T : unmanaged => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, T>(Bytes(tensor));

    /// <summary>Scales as f32: one that is no number would make the layer's outputs none.</summary>
    public static float[] Scales(SafetensorsTensor tensor)
    {
        float[] scales = Floats(tensor);
        int at = Array.FindIndex(scales, s => !float.IsFinite(s));
        return at < 0 ? scales : throw Bad(tensor, "finite scales", $"{scales[at]} at {at}");
    }

    /// <summary>The same of scales that stay where they lie.</summary>
    public static void CheckFinite(SafetensorsTensor tensor)
    {
        Span<float> window = stackalloc float[1024];
        long count = tensor.Bytes / tensor.Type.SizeOf();
        for (long start = 0; start < count; start += window.Length)
        {
            Span<float> values = window[..(int)Math.Min(window.Length, count - start)];
            FloatBits.Read(values, tensor.Address, start, tensor.Type);
            for (int i = 0; i < values.Length; i++)
            {
                if (!float.IsFinite(values[i])) throw Bad(tensor, "finite scales", $"{values[i]} at {start + i}");
            }
        }
    }

    /// <summary>A float, fp8 or power-of-two tensor as f32.</summary>
    public static float[] Floats(SafetensorsTensor tensor)
    {
        ReadOnlySpan<byte> bytes = Bytes(tensor);
        switch (tensor.Type)
        {
            case DType.F8E4M3:
                return Array.ConvertAll(bytes.ToArray(), b => SmallFloats.E4M3[b]);
            case DType.F8E8M0 or DType.U8:
                return Array.ConvertAll(bytes.ToArray(), b => SmallFloats.PowerOfTwo(b));
            default:
                return WeightSource.ReadVector(tensor);
        }
    }
}
