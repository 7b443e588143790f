namespace Engine.Grammar;

/// <summary>
/// Numbers (1 and up) found by a hash, in open addressing. It is cut into parts that grow on their own, so that no
/// single addition has to move many of them.
/// </summary>
internal sealed class HashIndex
{
    private const int NumParts = 64;
    private const int FirstLength = 8;

    // Hash above, number below; 0 is free.
    private readonly long[]?[] _parts = new long[]?[NumParts];
    private readonly int[] _counts = new int[NumParts];

    /// <summary>Memory it takes, roughly.</summary>
    public long SizeBytes { get; private set; } = NumParts * 12;

    /// <summary>A hash of numbers, well mixed.</summary>
    public static uint HashOf(ReadOnlySpan<long> items)
    {
        ulong hash = 14695981039346656037 + (ulong)items.Length;
        foreach (long item in items)
        {
            hash = System.Numerics.BitOperations.RotateLeft((hash ^ (ulong)item) * 0x9E3779B97F4A7C15, 29);
        }

        hash *= 0xD6E8FEB86659FD93;
        return (uint)(hash >> 32);
    }

    /// <summary>The first number with a hash; 0 if there is none.</summary>
    public int First(uint hash, out int slot)
    {
        slot = -1;
        long[]? part = _parts[hash % NumParts];
        if (part is null)
        {
            return 0;
        }

        slot = ((int)(hash / NumParts) & (part.Length - 1)) - 1;
        return Next(hash, ref slot);
    }

    /// <summary>The number with the hash after the one found in a slot; 0 if there is none.</summary>
    public int Next(uint hash, ref int slot)
    {
        long[] part = _parts[hash % NumParts]!;
        while (true)
        {
            slot = (slot + 1) & (part.Length - 1);
            if (part[slot] == 0 || (uint)(part[slot] >> 32) == hash)
            {
                return (int)part[slot];
            }
        }
    }

    public void Add(uint hash, int number)
    {
        uint at = hash % NumParts;
        long[] part = _parts[at] ??= NewPart(FirstLength);
        if (4 * ++_counts[at] > 3 * part.Length)
        {
            long[] old = part;
            _parts[at] = part = NewPart(2 * old.Length);
            SizeBytes -= 8L * old.Length;
            foreach (long entry in old)
            {
                if (entry != 0)
                {
                    Put(part, (uint)(entry >> 32), (int)entry);
                }
            }
        }

        Put(part, hash, number);
    }

    private static void Put(long[] part, uint hash, int number)
    {
        int slot = (int)(hash / NumParts) & (part.Length - 1);
        while (part[slot] != 0)
        {
            slot = (slot + 1) & (part.Length - 1);
        }

        part[slot] = ((long)hash << 32) | (uint)number;
    }

    private long[] NewPart(int length)
    {
        SizeBytes += 8L * length;
        return new long[length];
    }
}
