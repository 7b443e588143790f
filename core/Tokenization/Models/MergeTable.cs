namespace Engine.Tokenization.Models;

/// <summary>Pairs of ids that merge: rank (lower merges first) and resulting id.</summary>
internal sealed class MergeTable
{
    public const int NoRank = int.MaxValue;
    private readonly Slot[] _slots;
    private readonly int _shift;

    private struct Slot
    {
        public ulong KeyPlusOne;
        public int Rank;
        public int Id;
    }

    /// <param name="count">How many pairs will be added at most.</param>
    public MergeTable(int count)
    {
        int bits = 4;
        while ((1L << bits) < 2L * count)
        {
            bits++;
        }

        _slots = new Slot[1 << bits];
        _shift = 64 - bits;
    }

    /// <summary>Adds a pair; one that is there takes the later values.</summary>
    public void Set(int left, int right, int rank, int id)
    {
        ulong key = Key(left, right);
        int at = (int)(Mix(key) >> _shift);
        while (_slots[at].KeyPlusOne != 0 && _slots[at].KeyPlusOne != key + 1)
        {
            at = (at + 1) & (_slots.Length - 1);
        }

        _slots[at] = new Slot { KeyPlusOne = key + 1, Rank = rank, Id = id };
    }

    /// <summary>The rank of a pair, or NoRank.</summary>
    public int Find(int left, int right, out int id)
    {
        ulong key = Key(left, right) + 1;
        int at = (int)(Mix(key - 1) >> _shift);
        while (true)
        {
            ref readonly Slot slot = ref _slots[at];
            if (slot.KeyPlusOne == key)
            {
                id = slot.Id;
                return slot.Rank;
            }

            if (slot.KeyPlusOne == 0)
            {
                id = -1;
                return NoRank;
            }

            at = (at + 1) & (_slots.Length - 1);
        }
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private static ulong Mix(ulong key) => (key ^ (key >> 32)) * 0x9E3779B97F4A7C15UL;
}
