using System.Runtime.InteropServices;
using Engine.Devices;
using Engine.Memory;
using Engine.Quantization;

namespace Engine.Loading.Gguf;

/// <summary>The tensors of a GGUF model by the names and in the shapes that a checkpoint of the family has.</summary>
/// <param name="model">The file or files; not owned.</param>
/// <param name="headDim">Rows of a head.</param>
internal sealed unsafe class GgufWeights(GgufModel model, int headDim) : WeightSource
{
    // The converter bakes these into the file; what they say went into the configuration, or is nothing to Engine.
    private static readonly HashSet<string> InConfig = new(StringComparer.Ordinal)
    {
        "rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight",
    };

    private readonly GgufFamily _family = GgufFamilies.Of(model);
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);
    private readonly List<nint> _memory = [];

    public override bool HoldsShiftedNorms => _family.ShiftsNorms;

    public override bool HoldsSortedQkv => _family.SortsQkv;

    public override bool HoldsConv1D => false;

    public override string? DiffersFromCheckpoint =>
        _family.ShiftsNorms ? "the file's norms have 1 added"
        : _family.SortsQkv ? "the file's fused q, k, v are sorted"
        : _family.Architecture == "GPT2LMHeadModel" ? "the file's matrices are transposed"
        : null;

    /// <summary>The type of most bytes of matrices; f16, as llama.cpp has it, where they are quantized.</summary>
    public override DType? StoredType => MostlyOf is string type ? FloatType(type) ?? DType.F16 : null;

    public override bool IsRounded => MostlyOf is string type && FloatType(type) is null;

    private string? MostlyOf
    {
        get
        {
            Dictionary<string, long> bytes = new(StringComparer.Ordinal);
            foreach (MappedGgufTensor t in model.Tensors.Values)
            {
                if (t.Info.Shape.Length < 2) continue;
                bytes[t.Info.Type.Name] = bytes.GetValueOrDefault(t.Info.Type.Name) + t.Info.Bytes;
            }
            return bytes.Count == 0 ? null : bytes.MaxBy(b => b.Value).Key;
        }
    }

    public override bool HasPrefix(string prefix) =>
        _family.Names.Layers.StartsWith(prefix, StringComparison.Ordinal);

    public override bool Contains(string name) => Locate(name).Tensor is not null || MetadataValue(name) is not null;

    public override SafetensorsTensor Require(string name, params ReadOnlySpan<long> shape)
    {
        if (MetadataValue(name) is float value) return Single(name, value);
        (string? gguf, MappedGgufTensor? tensor, Part part, int row) = Locate(name);
        string expected = SafetensorsTensor.Format(shape);
        if (tensor is null)
        {
            throw EngineException.Corrupt(
                model.Name, $"tensor '{gguf ?? name}' is missing: expected shape {expected}, found no such tensor");
        }
        long[] stored = RowMajor(tensor);
        long first = FirstRow(part, row, stored, shape);
        if (!Fits(part, stored, shape, first))
        {
            throw EngineException.Corrupt(
                tensor.File,
                $"tensor '{tensor.Info.Name}': expected shape {expected}, found {SafetensorsTensor.Format(stored)}");
        }
        _taken.Add(tensor.Info.Name);
        return shape.Length == 2
            ? Matrix(tensor, (int)first, (int)shape[0], (int)shape[1], PairedHeadDim(name))
            : Vector(tensor, first, shape[0], PairedHeadDim(name));
    }

    public override void Skip(string module)
    {
        if (_family.Names.Find(module + ".weight") is string name) base.Skip(name[..name.LastIndexOf('.')]);
    }

    public override void CheckAllTaken(string architecture, Func<string, bool> ignorable)
    {
        List<string> left =
        [
            .. model.Tensors.Keys
                .Where(n => !_taken.Contains(n) && !InConfig.Contains(n) && !IsSkipped(n) && !IsScale(n))
                .Order(StringComparer.Ordinal),
        ];
        if (left.Count == 0) return;
        MappedGgufTensor first = model.Tensors[left[0]];
        string more = left.Count > 1 ? $" (and {left.Count - 1} more)" : "";
        throw EngineException.Corrupt(
            first.File,
            $"tensor '{left[0]}' {SafetensorsTensor.Format(RowMajor(first))}{more}: expected only the " +
            $"weights of {architecture} as the metadata describe it, found one that it does not use");
    }

    /// <summary>A small tensor as f32.</summary>
    public static float[] ReadFloats(MappedGgufTensor tensor)
    {
        long count = tensor.Info.Shape.Aggregate(1L, static (a, b) => checked(a * b));
        if (FloatType(tensor.Info.Type.Name) is not DType type || count > 1 << 24)
        {
            throw EngineException.Corrupt(
                tensor.File, $"{tensor.Info.Name}: expected a vector of F32, F16 or BF16, found {tensor.Info.Type.Name}");
        }
        float[] values = new float[count];
        FloatBits.Read(values, tensor.Address, 0, type);
        return values;
    }

    public override void DropPages() => model.DropPages();

    public override void Dispose()
    {
        foreach (nint address in _memory) NativeMemory.Free((void*)address);
        _memory.Clear();
        base.Dispose();
    }

    /// <summary>Which rows of a stored tensor are meant.</summary>
    private enum Part
    {
        All,
        Query,
        Key,
        Value,
        Row,
    }

    private static long[] RowMajor(MappedGgufTensor tensor)
    {
        long[] shape = [.. tensor.Info.Shape];
        Array.Reverse(shape);
        return shape;
    }

    private static DType? FloatType(string name) => name switch
    {
        "F32" => DType.F32,
        "F16" => DType.F16,
        "BF16" => DType.BF16,
        _ => null,
    };

    // Factors on whole matrices of ternary models; 1 in every file of a family that is read here.
    private bool IsScale(string name) => name.EndsWith(".scale", StringComparison.Ordinal)
        && model.Tensors[name].Info.Shape is [1]
        && ReadFloats(model.Tensors[name])[0] == 1;

    /// <summary>The tensor of a checkpoint's name: of its own, or rows of one that was fused.</summary>
    private (string? Name, MappedGgufTensor? Tensor, Part Part, int Row) Locate(string name)
    {
        // StableLM: a norm for each head, stacked.
        int norms = name.IndexOf(".norms.", StringComparison.Ordinal);
        if (norms > 0 && int.TryParse(name.AsSpan(norms + 7, name.LastIndexOf('.') - norms - 7), out int head))
        {
            string? stacked = _family.Names.Find(name[..norms] + ".weight");
            return (stacked, stacked is null ? null : model.Tensors.GetValueOrDefault(stacked), Part.Row, head);
        }
        if (_family.Names.Find(name) is not string gguf) return (null, null, Part.All, 0);
        if (model.Tensors.TryGetValue(gguf, out MappedGgufTensor? tensor)) return (gguf, tensor, Part.All, 0);
        foreach ((string local, Part part) in
            (ReadOnlySpan<(string, Part)>)[(".attn_q.", Part.Query), (".attn_k.", Part.Key), (".attn_v.", Part.Value)])
        {
            string fused = gguf.Replace(local, ".attn_qkv.", StringComparison.Ordinal);
            if (fused != gguf && model.Tensors.TryGetValue(fused, out tensor)) return (fused, tensor, part, 0);
        }
        return (gguf, null, Part.All, 0);
    }

    private static long FirstRow(Part part, int row, long[] stored, ReadOnlySpan<long> shape) => part switch
    {
        Part.Key => stored[0] - (2 * shape[0]),
        Part.Value => stored[0] - shape[0],
        Part.Row => row * shape[0],
        _ => 0,
    };

    private static bool Fits(Part part, long[] stored, ReadOnlySpan<long> shape, long first) => part switch
    {
        Part.All => shape.SequenceEqual(stored),
        Part.Row => stored.Length == 2 && stored[1] == shape[0] && first >= 0 && first < stored[0] * stored[1],
        _ => stored.Length == shape.Length && first >= 0 && first <= stored[0] - shape[0]
            && (shape.Length == 1 || stored[1] == shape[1]),
    };

    /// <summary>Rows of a head if they lie in pairs, else 0.</summary>
    private int PairedHeadDim(string name) => _family.PairsHeads && headDim % 2 == 0
        && (name.Contains(".q_proj.", StringComparison.Ordinal) || name.Contains(".k_proj.", StringComparison.Ordinal))
            ? headDim
            : 0;

    private static SafetensorsTensor Matrix(MappedGgufTensor tensor, int first, int n, int k, int pairedHeadDim)
    {
        GgufType type = tensor.Info.Type;
        DType? plain = FloatType(type.Name);
        WeightBlocks blocks = type.Name switch
        {
            "Q8_0" => WeightBlocks.Q8_0,
            "Q4_0" => WeightBlocks.Q4_0,
            _ => WeightBlocks.None,
        };
        nint address = tensor.Address + (nint)(first * ((long)k / type.BlockElements * type.BlockBytes));
        WeightMatrix? matrix = plain is not null && pairedHeadDim == 0
            ? null
            : new GgufMatrix(tensor.Info.Name, type, address, n, k);
        return new SafetensorsTensor
        {
            Name = tensor.Info.Name,
            File = tensor.File,
            Type = plain ?? DType.F32,
            Shape = [n, k],
            Offset = 0,
            Bytes = (long)n * k / type.BlockElements * type.BlockBytes,
            Address = plain is null && blocks == WeightBlocks.None ? 0 : address,
            Blocks = blocks,
            PairedHeadDim = pairedHeadDim,
            Matrix = matrix is null || pairedHeadDim == 0 ? matrix : new PairedRowsMatrix(matrix, pairedHeadDim),
        };
    }

    private SafetensorsTensor Vector(MappedGgufTensor tensor, long first, long count, int pairedHeadDim)
    {
        if (FloatType(tensor.Info.Type.Name) is not DType type)
        {
            throw EngineException.Corrupt(
                tensor.File, $"tensor '{tensor.Info.Name}': expected F32, F16 or BF16, found {tensor.Info.Type.Name}");
        }
        nint address = tensor.Address + (nint)(first * type.SizeOf());
        if (pairedHeadDim > 0)
        {
            float* sorted = (float*)Rent(count * sizeof(float));
            for (int i = 0; i < count; i++)
            {
                sorted[i] = FloatBits.Read(address, PairedRowsMatrix.StoredRow(i, pairedHeadDim), type);
            }
            (address, type) = ((nint)sorted, DType.F32);
        }
        return new SafetensorsTensor
        {
            Name = tensor.Info.Name,
            File = tensor.File,
            Type = type,
            Shape = [count],
            Offset = 0,
            Bytes = count * type.SizeOf(),
            Address = address,
        };
    }

    /// <summary>A number that checkpoints hold as a tensor and GGUF files among the metadata (Apertus).</summary>
    private float? MetadataValue(string name)
    {
        int dot = name.LastIndexOf('.');
        if (dot < 0 || !name.AsSpan(0, dot).EndsWith(".act_fn")) return null;
        int layer = _family.Names.LayerOf(name);
        float[]? values = model.Metadata.FloatsOrNull("xielu." + name[(dot + 1)..]);
        return values is not null && layer >= 0 && layer < values.Length ? values[layer] : null;
    }

    private SafetensorsTensor Single(string name, float value)
    {
        nint address = Rent(sizeof(float));
        *(float*)address = value;
        return new SafetensorsTensor
        {
            Name = name,
            File = model.Name,
            Type = DType.F32,
            Shape = [1],
            Offset = 0,
            Bytes = sizeof(float),
            Address = address,
        };
    }

    private nint Rent(long bytes)
    {
        nint address = (nint)NativeMemory.Alloc((nuint)bytes);
        _memory.Add(address);
        return address;
    }
}
