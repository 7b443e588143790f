namespace Engine.Grammar;

/// <summary>A set of numbers that is filled and emptied over and over.</summary>
internal sealed class OpenPositions
{
    private long[] _keys = new long[64];
    private int[] _rounds = new int[64];
    private int _round = 1;

    public int Count { get; private set; }

    public void Clear()
    {
        Count = 0;
        if (++_round == int.MaxValue)
        {
            Array.Clear(_rounds);
            _round = 1;
        }
    }

    /// <summary>False if it was there before.</summary>
    public bool Add(long key)
    {
        if (4 * (Count + 1) > 3 * _keys.Length)
        {
            Grow();
        }

        int slot = SlotOf(key);
        for (; _rounds[slot] == _round; slot = (slot + 1) & (_keys.Length - 1))
        {
            if (_keys[slot] == key)
            {
                return false;
            }
        }

        (_keys[slot], _rounds[slot]) = (key, _round);
        Count++;
        return true;
    }

    private int SlotOf(long key) => (int)(((ulong)key * 0x9E3779B97F4A7C15) >> 33) & (_keys.Length - 1);

    private void Grow()
    {
        (long[] keys, int[] rounds) = (_keys, _rounds);
        (_keys, _rounds) = (new long[2 * keys.Length], new int[2 * keys.Length]);
        Count = 0;
        for (int i = 0; i < keys.Length; i++)
        {
            if (rounds[i] == _round)
            {
                Add(keys[i]);
            }
        }
    }
}
