using Engine.Diagnostics;

namespace Engine.KvCache;

/// <summary>
/// Reference counts of all blocks and a free list in least-recently-used order. Each block is exactly one of
/// free (in the list), referenced (count above zero) or fenced (count zero, but this step still reads it).
/// </summary>
internal sealed class BlockPool
{
    private readonly int[] _refCounts;
    private readonly bool[] _isFenced;
    private readonly int[] _fences;
    private int _numFences;

    // The list runs through both arrays; entry _head (= number of blocks) is the sentinel.
    private readonly int[] _next;
    private readonly int[] _previous;
    private readonly int _head;

    public BlockPool(int numBlocks)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(numBlocks);
        NumBlocks = numBlocks;
        _refCounts = new int[numBlocks];
        _isFenced = new bool[numBlocks];
        _fences = new int[numBlocks];
        _next = new int[numBlocks + 1];
        _previous = new int[numBlocks + 1];
        _head = numBlocks;
        for (int i = 0; i <= numBlocks; i++)
        {
            _next[i] = i == numBlocks ? 0 : i + 1;
            _previous[i] = i == 0 ? numBlocks : i - 1;
        }

        NumFree = numBlocks;
    }

    public int NumBlocks { get; }

    /// <summary>Blocks that can be allocated, those with cached content included.</summary>
    public int NumFree { get; private set; }

    /// <summary>Blocks nobody references that become free when the fences are lifted.</summary>
    public int NumFencedIdle { get; private set; }

    public int NumReferenced => NumBlocks - NumFree - NumFencedIdle;

    public int RefCount(int block) => _refCounts[block];

    /// <summary>The least recently used free block with a count of one, or -1.</summary>
    public int Allocate()
    {
        if (NumFree == 0)
        {
            return -1;
        }

        int block = _next[_head];
        Unlink(block);
        Invariant.Check(_refCounts[block] == 0, "a block in the free list is referenced");
        _refCounts[block] = 1;
        return block;
    }

    /// <summary>One more owner; takes an idle block out of the free list.</summary>
    public void AddReference(int block)
    {
        if (_refCounts[block]++ == 0)
        {
            if (_isFenced[block])
            {
                NumFencedIdle--;
            }
            else
            {
                Unlink(block);
            }
        }
    }

    /// <summary>One owner less. The last one makes it free: allocated last if its content is worth keeping,
    /// next otherwise.</summary>
    public void Release(int block, bool keepContent)
    {
        Invariant.Check(_refCounts[block] > 0, "a block was released more often than referenced");
        if (--_refCounts[block] > 0)
        {
            return;
        }

        if (_isFenced[block])
        {
            NumFencedIdle++;
            return;
        }

        Link(block, keepContent ? _previous[_head] : _head);
    }

    /// <summary>Until the fences are lifted the block is not allocated, whatever its count.</summary>
    public void Fence(int block)
    {
        Invariant.Check(_refCounts[block] > 0, "an unreferenced block was fenced");
        if (!_isFenced[block])
        {
            _isFenced[block] = true;
            _fences[_numFences++] = block;
        }
    }

    /// <summary>The device is done with this step's reads.</summary>
    public void LiftFences()
    {
        for (int i = 0; i < _numFences; i++)
        {
            int block = _fences[i];
            _isFenced[block] = false;
            if (_refCounts[block] == 0)
            {
                NumFencedIdle--;
                Link(block, _previous[_head]);
            }
        }

        _numFences = 0;
    }

    /// <summary>Walks everything; throws if an invariant is broken. For tests.</summary>
    public void CheckIntegrity()
    {
        bool[] inList = new bool[NumBlocks];
        int count = 0;
        for (int block = _next[_head]; block != _head; block = _next[block])
        {
            Invariant.Check(!inList[block], "the free list has a duplicate");
            Invariant.Check(_previous[_next[block]] == block, "the free list is broken");
            Invariant.Check(!_isFenced[block], "a fenced block is free");
            inList[block] = true;
            count++;
        }

        Invariant.Check(count == NumFree, "the free list's length differs from its count");
        int referenced = 0;
        int fencedIdle = 0;
        for (int block = 0; block < NumBlocks; block++)
        {
            Invariant.Check(_refCounts[block] >= 0, "a reference count is negative");
            bool isReferenced = _refCounts[block] > 0;
            bool isFencedIdle = !isReferenced && _isFenced[block];
            int states = (inList[block] ? 1 : 0) + (isReferenced ? 1 : 0) + (isFencedIdle ? 1 : 0);
            Invariant.Check(states == 1, "a block is in two states or none");
            referenced += isReferenced ? 1 : 0;
            fencedIdle += isFencedIdle ? 1 : 0;
        }

        Invariant.Check(fencedIdle == NumFencedIdle, "fenced blocks are miscounted");
        Invariant.Check(count + referenced + fencedIdle == NumBlocks, "blocks do not add up");
    }

    /// <summary>Blocks in the order of allocation. For tests.</summary>
    internal List<int> FreeList()
    {
        var list = new List<int>();
        for (int block = _next[_head]; block != _head; block = _next[block])
        {
            list.Add(block);
        }

        return list;
    }

    private void Unlink(int block)
    {
        _next[_previous[block]] = _next[block];
        _previous[_next[block]] = _previous[block];
        NumFree--;
    }

    private void Link(int block, int after)
    {
        int before = _next[after];
        _next[after] = block;
        _previous[block] = after;
        _next[block] = before;
        _previous[before] = block;
        NumFree++;
    }
}
