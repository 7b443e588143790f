namespace Engine.Quantization;

/// <summary>The order of inputs in which groups are runs of equal length.</summary>
internal static class CodeOrder
{
    /// <summary>Inputs of a group, where all are of one length.</summary>
    /// <param name="k">Inputs.</param>
    /// <param name="numGroups">Number of groups.</param>
    /// <param name="named">Sizes that the configuration names: the first that gives as many groups holds.</param>
    /// <returns>0 if no such size is known.</returns>
    public static int GroupSize(int k, int numGroups, IReadOnlyList<int> named)
    {
        foreach (int size in named)
        {
            if (((long)k + size - 1) / size == numGroups) return Math.Min(size, k);
        }

        return k % numGroups == 0 ? k / numGroups : 0;
    }

    /// <summary>Input of every position, null for their own order; false if groups are no such runs.</summary>
    /// <param name="groups">Group of every input.</param>
    /// <param name="numGroups">Number of groups.</param>
    /// <param name="size">Inputs of a group.</param>
    /// <param name="order">What InputOrder is.</param>
    public static bool TryOf(int[] groups, int numGroups, int size, out int[]? order)
    {
        int[] next = new int[numGroups];
        for (int g = 0; g < numGroups; g++) next[g] = g * size;
        int[] inputs = new int[groups.Length];
        bool isOwn = true;
        order = null;
        for (int i = 0; i < groups.Length; i++)
        {
            int at = next[groups[i]]++;
            if (at >= Math.Min((groups[i] + 1) * size, groups.Length)) return false;
            inputs[at] = i;
            isOwn &= at == i;
        }

        if (!isOwn) order = inputs;
        return true;
    }

    /// <summary>The type that holds the scales of a tensor.</summary>
    public static CodeScaleType TypeOf(Memory.DType type) => type switch
    {
        Memory.DType.F16 => CodeScaleType.F16,
        Memory.DType.BF16 => CodeScaleType.BF16,
        _ => CodeScaleType.F32,
    };
}
