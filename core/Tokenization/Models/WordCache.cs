namespace Engine.Tokenization.Models;

/// <summary>
/// Remembers the tokens of short words: a fixed number of slots, each replaced by the last word
/// that hashes to it. An entry never changes, so readers and writers need no lock.
/// </summary>
internal sealed class WordCache
{
    public const int MaxWordLength = 24;
    private const int SlotBits = 15;
    private readonly Entry?[] _slots = new Entry[1 << SlotBits];

    public sealed record Entry(int[] Word, int[] Ids, int[] Lengths);

    public static uint Hash(ReadOnlySpan<int> word)
    {
        ulong hash = (uint)word.Length;
        foreach (int c in word)
        {
            hash = (hash ^ (uint)c) * 0x9E3779B97F4A7C15UL;
            hash ^= hash >> 29;
        }

        return (uint)(hash >> (64 - 32)) >> (32 - SlotBits);
    }

    public Entry? Find(ReadOnlySpan<int> word, uint hash)
    {
        Entry? entry = _slots[hash];
        return entry is not null && word.SequenceEqual(entry.Word) ? entry : null;
    }

    public void Store(ReadOnlySpan<int> word, uint hash, TokenList tokens, int from) =>
        Volatile.Write(ref _slots[hash], new Entry(
            word.ToArray(), tokens.Ids[from..].ToArray(), tokens.Lengths[from..].ToArray()));
}
