using Engine.Devices;
using Engine.Loading;
using Engine.Memory;
using Engine.Quantization;

namespace Engine.Conversion;

/// <summary>Weights that remember which tensors a model took, by the names that a checkpoint of it has.</summary>
internal sealed class RecordedWeights(WeightSource inner) : WeightSource
{
    private readonly Dictionary<string, SafetensorsTensor> _taken = new(StringComparer.Ordinal);

    /// <summary>What was taken.</summary>
    public IReadOnlyDictionary<string, SafetensorsTensor> Taken => _taken;

    public override DType? StoredType => inner.StoredType;

    public override bool HoldsShiftedNorms => inner.HoldsShiftedNorms;

    public override bool HoldsSortedQkv => inner.HoldsSortedQkv;

    public override bool HoldsConv1D => inner.HoldsConv1D;

    public override string? DiffersFromCheckpoint => inner.DiffersFromCheckpoint;

    public override bool HasPrefix(string prefix) => inner.HasPrefix(prefix);

    public override bool Contains(string name) => inner.Contains(name);

    public override SafetensorsTensor Require(string name, params ReadOnlySpan<long> shape) =>
        _taken[name] = inner.Require(name, shape);

    public override void CheckAllTaken(string architecture, Func<string, bool> ignorable) =>
        inner.CheckAllTaken(architecture, ignorable);

    public override void Skip(string module) => inner.Skip(module);

    public override void DropPages() => inner.DropPages();

    /// <summary>Names of the tensors that parts of weights lie in.</summary>
    /// <exception cref="EngineException">Unsupported: a matrix that is stored transposed.</exception>
    public HashSet<string> NamesOf(IEnumerable<LinearSource> sources)
    {
        (nint Address, string Name)[] byAddress =
            [.. _taken.Where(t => t.Value.Address != 0).Select(t => (t.Value.Address, t.Key)).Order()];
        Dictionary<WeightMatrix, string> byMatrix = [];
        foreach ((string name, SafetensorsTensor tensor) in _taken)
        {
            if (tensor.Matrix is not null && tensor.Address == 0) byMatrix[tensor.Matrix] = name;
        }

        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (LinearPart part in sources.SelectMany(s => s.Parts))
        {
            string name = part.Matrix is null
                ? byAddress[FindLast(byAddress, part.Address)].Name
                : byMatrix.GetValueOrDefault(part.Matrix, "");
            if (part.Transposed || name.Length == 0)
            {
                throw new EngineException(
                    EngineStatus.Unsupported,
                    $"convert: {(name.Length == 0 ? "a matrix" : $"tensor '{name}'")} is stored transposed (Conv1D), "
                    + "which compressed-tensors does not quantize", "model");
            }

            names.Add(name);
        }

        return names;
    }

    private static int FindLast((nint Address, string Name)[] sorted, nint address)
    {
        int low = 0, high = sorted.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (sorted[middle].Address <= address) low = middle;
            else high = middle - 1;
        }

        return low;
    }
}
