namespace Engine.Grammar;

/// <summary>Stacks of calls, numbered: where to return to, and the stack below. 0 is empty.</summary>
internal sealed class StackNumbers
{
    private readonly HashIndex _index = new();
    private readonly List<(int Return, int Parent)> _stacks = [(-1, -1)];

    /// <summary>Memory it takes, roughly.</summary>
    public long SizeBytes => _index.SizeBytes + (8L * _stacks.Capacity);

    public (int Return, int Parent) this[int number] => _stacks[number];

    /// <summary>The number of a stack, which it keeps for good.</summary>
    public int Number(int back, int parent)
    {
        uint hash = HashIndex.HashOf([((long)back << 32) | (uint)parent]);
        for (int known = _index.First(hash, out int slot); known != 0; known = _index.Next(hash, ref slot))
        {
            if (_stacks[known] == (back, parent))
            {
                return known;
            }
        }

        _stacks.Add((back, parent));
        _index.Add(hash, _stacks.Count - 1);
        return _stacks.Count - 1;
    }
}
