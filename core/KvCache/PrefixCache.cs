using Engine.Diagnostics;

namespace Engine.KvCache;

/// <summary>Hashes one block's key. A seam for tests: any function gives correct results.</summary>
internal delegate ulong BlockHash(long root, long parent, ReadOnlySpan<int> tokens);

/// <summary>
/// Finds the block that holds the KV of given tokens after a given prefix. A full block is a node: its tokens, its
/// parent node and the root of its chain (salt, adapters, media). All three are compared on lookup, so a colliding
/// hash is a miss, never another's KV.
/// </summary>
/// <remarks>
/// A node id is (generation of the block, block id + 1). Forgetting a node changes the generation, so children of
/// a forgotten node are never found again, even if its block comes to hold another node.
/// </remarks>
internal sealed class PrefixCache
{
    /// <summary>Parent of a chain's first block.</summary>
    public const long NoNode = 0;

    private readonly int _blockSize;
    private readonly BlockHash _hash;
    private readonly int[] _buckets;
    private readonly int[] _nextInBucket;
    private readonly bool[] _isRegistered;
    private readonly uint[] _generations;
    private readonly ulong[] _hashes;
    private readonly long[] _parents;
    private readonly long[] _roots;
    private readonly int[] _tokens;

    public PrefixCache(int numBlocks, int blockSize, BlockHash? hash = null)
    {
        _blockSize = blockSize;
        _hash = hash ?? CreateKeyedHash();
        _buckets = new int[checked((int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)numBlocks * 2))];
        Array.Fill(_buckets, -1);
        _nextInBucket = new int[numBlocks];
        _isRegistered = new bool[numBlocks];
        _generations = new uint[numBlocks];
        _hashes = new ulong[numBlocks];
        _parents = new long[numBlocks];
        _roots = new long[numBlocks];
        _tokens = new int[checked(numBlocks * blockSize)];
    }

    /// <summary>Nodes that can be found.</summary>
    public int Count { get; private set; }

    public static int BlockOf(long node) => (int)(node & 0xFFFFFFFF) - 1;

    public bool IsRegistered(int block) => _isRegistered[block];

    /// <summary>True if the node has not been forgotten.</summary>
    public bool IsAlive(long node)
    {
        int block = BlockOf(node);
        return block >= 0 && _isRegistered[block] && NodeOf(block) == node;
    }

    /// <summary>The node of these tokens after this parent, or NoNode.</summary>
    public long Find(long root, long parent, ReadOnlySpan<int> tokens) =>
        Find(_hash(root, parent, tokens), root, parent, tokens);

    /// <summary>Makes a block findable, unless its node exists already.</summary>
    /// <returns>The node: of this block, or of the one that was there first.</returns>
    public long Register(int block, long root, long parent, ReadOnlySpan<int> tokens)
    {
        Invariant.Check(tokens.Length == _blockSize, "only full blocks are cached");
        Invariant.Check(!_isRegistered[block], "a block was registered twice");
        ulong hash = _hash(root, parent, tokens);
        long node = Find(hash, root, parent, tokens);
        if (node != NoNode)
        {
            return node;
        }

        int bucket = (int)(hash & (uint)(_buckets.Length - 1));
        _hashes[block] = hash;
        _parents[block] = parent;
        _roots[block] = root;
        tokens.CopyTo(_tokens.AsSpan(block * _blockSize));
        _nextInBucket[block] = _buckets[bucket];
        _buckets[bucket] = block;
        _isRegistered[block] = true;
        Count++;
        return NodeOf(block);
    }

    /// <summary>The block's content is about to change.</summary>
    public void Forget(int block)
    {
        if (!_isRegistered[block])
        {
            return;
        }

        ref int link = ref _buckets[(int)(_hashes[block] & (uint)(_buckets.Length - 1))];
        while (link != block)
        {
            link = ref _nextInBucket[link];
        }

        link = _nextInBucket[block];
        _isRegistered[block] = false;
        _generations[block]++;
        Count--;
    }

    /// <summary>Forgets everything. O(blocks).</summary>
    public void Clear()
    {
        for (int block = 0; block < _isRegistered.Length; block++)
        {
            Forget(block);
        }
    }

    /// <summary>Tokens of a registered block. For tests.</summary>
    internal ReadOnlySpan<int> TokensOf(int block) => _tokens.AsSpan(block * _blockSize, _blockSize);

    /// <summary>Root of a registered block's chain. For tests.</summary>
    internal long RootOf(int block) => _roots[block];

    private long Find(ulong hash, long root, long parent, ReadOnlySpan<int> tokens)
    {
        int block = _buckets[(int)(hash & (uint)(_buckets.Length - 1))];
        while (block >= 0)
        {
            if (_hashes[block] == hash && _parents[block] == parent && _roots[block] == root
                && tokens.SequenceEqual(TokensOf(block)))
            {
                return NodeOf(block);
            }

            block = _nextInBucket[block];
        }

        return NoNode;
    }

    private long NodeOf(int block) => ((long)_generations[block] << 32) | (uint)(block + 1);

    /// <summary>A hash under a random key, so that nobody can choose prompts that crowd one bucket.</summary>
    private static BlockHash CreateKeyedHash()
    {
        // Guid takes its bits from the system's secure generator, without a crypto library.
        Span<byte> key = stackalloc byte[16];
        Guid.NewGuid().TryWriteBytes(key);
        ulong key0 = BitConverter.ToUInt64(key);
        Guid.NewGuid().TryWriteBytes(key);
        ulong key1 = BitConverter.ToUInt64(key) | 1;
        return (root, parent, tokens) =>
        {
            ulong h = Fold(key0 ^ (ulong)root, key1);
            h = Fold(h ^ (ulong)parent, key1);
            foreach (int token in tokens)
            {
                h = Fold(h ^ (uint)token, key1 ^ 0x9E3779B97F4A7C15UL);
            }

            return Fold(h ^ key0, 0xD6E8FEB86659FD93UL);
        };

        static ulong Fold(ulong a, ulong b)
        {
            ulong high = Math.BigMul(a, b, out ulong low);
            return high ^ low;
        }
    }
}
