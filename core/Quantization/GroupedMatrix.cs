using Engine.Loading;
using Engine.Memory;

namespace Engine.Quantization;

/// <summary>Packed codes, scales by groups of inputs; which group an input is of, a checkpoint may say.</summary>
internal abstract class GroupedMatrix : WeightMatrix
{
    /// <param name="stored">The packed codes.</param>
    /// <param name="n">Rows.</param>
    /// <param name="k">Columns.</param>
    /// <param name="bits">Of a code.</param>
    /// <param name="groups">[K] the group of each input.</param>
    /// <param name="numGroups">How many groups there are.</param>
    /// <param name="form">What the codes are like if the groups are of equal length; null if they fit no form.</param>
    protected GroupedMatrix(
        SafetensorsTensor stored, int n, int k, int bits, int[] groups, int numGroups, WeightCodes? form)
        : base(n, k)
    {
        if (form is not null && CodeOrder.TryOf(groups, numGroups, form.GroupSize, out int[]? order))
        {
            InputOrder = order;
            Codes = form;
        }

        Stored = stored;
        Bits = bits;
        Groups = groups;
        NumGroups = numGroups;
    }

    public sealed override WeightCodes? Codes { get; }

    public sealed override int[]? InputOrder { get; }

    protected int Bits { get; }

    protected int[] Groups { get; }

    protected int NumGroups { get; }

    protected SafetensorsTensor Stored { get; }

    protected ReadOnlySpan<uint> Words => StoredTensors.Values<uint>(Stored);

    /// <summary>The group of every input: stored, or runs of equal length.</summary>
    protected static int[] GroupsOf(StoredTensors tensors, string name, int k, int numGroups, int size)
    {
        int[] groups = new int[k];
        SafetensorsTensor? stored = tensors.Has(name) ? tensors.Need(name, DType.I32) : null;
        if (stored is not null) StoredTensors.CheckShape(stored, k);
        ReadOnlySpan<int> values = stored is null ? [] : StoredTensors.Values<int>(stored);
        // compressed-tensors makes room for an order before it has one.
        if (size > 0 && !values.IsEmpty && !values.ContainsAnyExcept(-1)) stored = null;
        for (int i = 0; i < k; i++)
        {
            groups[i] = stored is null ? i / size : values[i];
            if (groups[i] < 0 || groups[i] >= numGroups)
                throw StoredTensors.Bad(stored!, $"groups below {numGroups}", $"{groups[i]}");
        }

        return groups;
    }
}
