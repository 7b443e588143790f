using Engine.Memory;

namespace Engine.Loading;

/// <summary>The tensors of a folder by name.</summary>
internal sealed class WeightMap(SafetensorsModel model) : WeightSource
{
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);

    public override DType? StoredType
    {
        get
        {
            foreach (SafetensorsTensor t in model.Tensors.Values)
            {
                if (t.Type is DType.F32 or DType.F16 or DType.BF16 && t.Shape.Length == 2) return t.Type;
            }
            return null;
        }
    }

    public override bool HasPrefix(string prefix) =>
        model.Tensors.Keys.Any(name => name.StartsWith(prefix, StringComparison.Ordinal));

    public override bool Contains(string name) => model.Tensors.ContainsKey(name);

    public override SafetensorsTensor Require(string name, params ReadOnlySpan<long> shape)
    {
        string expected = SafetensorsTensor.Format(shape);
        if (!model.Tensors.TryGetValue(name, out SafetensorsTensor? tensor))
        {
            throw EngineException.Corrupt(
                model.Name, $"tensor '{name}' is missing: expected shape {expected}, found no such tensor");
        }
        if (!shape.SequenceEqual(tensor.Shape))
        {
            throw EngineException.Corrupt(
                tensor.File, $"tensor '{name}': expected shape {expected}, found {tensor.ShapeText}");
        }
        if (!FloatBits.IsFloat(tensor.Type))
        {
            throw EngineException.Corrupt(
                tensor.File, $"tensor '{name}': expected F32, F16 or BF16, found {tensor.Type}");
        }
        _taken.Add(name);
        return tensor;
    }

    public override void CheckAllTaken(string architecture, Func<string, bool> ignorable)
    {
        IEnumerable<string> names = model.Tensors.Keys.Where(n => !_taken.Contains(n) && !IsSkipped(n));
        List<string> left = [.. names.Where(n => !ignorable(n)).Order(StringComparer.Ordinal)];
        if (left.Count == 0) return;
        SafetensorsTensor first = model.Tensors[left[0]];
        string more = left.Count > 1 ? $" (and {left.Count - 1} more)" : "";
        throw EngineException.Corrupt(
            first.File,
            $"tensor '{first.Name}' {first.ShapeText}{more}: expected only the weights of {architecture} as " +
            "config.json describes it, found one that it does not use");
    }

    public override void DropPages() => model.DropPages();

    public override void Dispose()
    {
        model.Dispose();
        base.Dispose();
    }
}
