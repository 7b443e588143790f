using System.Numerics;

namespace Engine.Sampling;

/// <summary>
/// How often each token occurs in prompt and output: a hash table over the distinct ones, so that penalties
/// cost as much as there are distinct tokens, not as the vocabulary is large.
/// </summary>
internal sealed class TokenCounts
{
    private int[] _slots;
    private int[] _ids;
    private int[] _outputCounts;
    private bool[] _inPrompt;

    /// <summary>Counts up to this many distinct tokens without allocating; more grow it.</summary>
    public TokenCounts(int capacity)
    {
        capacity = Math.Max(capacity, 16);
        _ids = new int[capacity];
        _outputCounts = new int[capacity];
        _inPrompt = new bool[capacity];
        _slots = NewSlots(capacity);
    }

    /// <summary>Distinct tokens seen.</summary>
    public int Count { get; private set; }

    /// <summary>The distinct tokens, in order of first occurrence.</summary>
    public ReadOnlySpan<int> Ids => _ids.AsSpan(0, Count);

    /// <summary>Occurrences of Ids[i] in the output.</summary>
    public ReadOnlySpan<int> OutputCounts => _outputCounts.AsSpan(0, Count);

    /// <summary>Whether Ids[i] occurs in the prompt.</summary>
    public ReadOnlySpan<bool> InPrompt => _inPrompt.AsSpan(0, Count);

    public void Clear()
    {
        Count = 0;
        Array.Fill(_slots, -1);
    }

    public void AddPrompt(int id)
    {
        int index = IndexOf(id); // first: it may replace the arrays
        _inPrompt[index] = true;
    }

    public void AddOutput(int id)
    {
        int index = IndexOf(id);
        _outputCounts[index]++;
    }

    /// <summary>Takes an AddOutput back, the last ones first: then nothing of them is left.</summary>
    public void RemoveOutput(int id)
    {
        int index = IndexOf(id);
        if (--_outputCounts[index] == 0 && !_inPrompt[index] && index == Count - 1)
        {
            // No search has passed by the last entry on its way to a later one: it can simply go.
            _slots[Find(id)] = -1;
            Count--;
        }
    }

    private static int[] NewSlots(int capacity)
    {
        int[] slots = new int[(int)BitOperations.RoundUpToPowerOf2((uint)capacity * 2)];
        Array.Fill(slots, -1);
        return slots;
    }

    private int IndexOf(int id)
    {
        int slot = Find(id);
        if (_slots[slot] >= 0)
        {
            return _slots[slot];
        }

        if (Count == _ids.Length)
        {
            Grow();
            slot = Find(id);
        }

        int index = Count++;
        _slots[slot] = index;
        _ids[index] = id;
        _outputCounts[index] = 0;
        _inPrompt[index] = false;
        return index;
    }

    private int Find(int id)
    {
        int mask = _slots.Length - 1;
        int slot = (int)((uint)id * 2654435769u >> 7) & mask;
        while (_slots[slot] >= 0 && _ids[_slots[slot]] != id)
        {
            slot = (slot + 1) & mask;
        }

        return slot;
    }

    private void Grow()
    {
        int capacity = _ids.Length * 2;
        Array.Resize(ref _ids, capacity);
        Array.Resize(ref _outputCounts, capacity);
        Array.Resize(ref _inPrompt, capacity);
        _slots = NewSlots(capacity);
        for (int i = 0; i < Count; i++)
        {
            _slots[Find(_ids[i])] = i;
        }
    }
}
