namespace Engine.Tokenization.Models;

/// <summary>
/// The symbols of one word while they are merged: always the pair of lowest rank, leftmost first.
/// Short words scan for it; long ones keep a heap, so that the time is n log n.
/// </summary>
internal sealed class MergeWorkspace
{
    private const int ScanLimit = 40;
    private int[] _ids = new int[64];
    private int[] _lengths = new int[64];
    private int[] _ranks = new int[64];
    private int[] _merged = new int[64];
    private int[] _previous = [];
    private int[] _next = [];
    private ulong[] _heap = [];
    private int _heapCount;

    public int Count { get; private set; }

    public int Capacity => _ids.Length;

    /// <summary>A symbol and the bytes it covers.</summary>
    public (int Id, int Length) this[int index] => (_ids[index], _lengths[index]);

    public void Clear() => Count = 0;

    public void Add(int id, int length)
    {
        if (Count == _ids.Length)
        {
            int size = checked(Count * 2);
            Array.Resize(ref _ids, size);
            Array.Resize(ref _lengths, size);
            Array.Resize(ref _ranks, size);
            Array.Resize(ref _merged, size);
        }

        _ids[Count] = id;
        _lengths[Count++] = length;
    }

    /// <summary>Merges all that can be merged and appends the result.</summary>
    public void Merge(MergeTable table, TokenList output)
    {
        Merge(table);
        output.Add(_ids.AsSpan(0, Count), _lengths.AsSpan(0, Count));
    }

    /// <summary>Merges all that can be merged.</summary>
    public void Merge(MergeTable table)
    {
        if (Count <= ScanLimit)
        {
            MergeByScan(table);
        }
        else
        {
            MergeByHeap(table);
        }
    }

    private void Rank(MergeTable table, int at, int next) =>
        _ranks[at] = table.Find(_ids[at], _ids[next], out _merged[at]);

    private void MergeByScan(MergeTable table)
    {
        int n = Count;
        for (int i = 0; i + 1 < n; i++)
        {
            Rank(table, i, i + 1);
        }

        while (n > 1)
        {
            int best = 0;
            for (int i = 1; i + 1 < n; i++)
            {
                best = _ranks[i] < _ranks[best] ? i : best;
            }

            if (_ranks[best] == MergeTable.NoRank)
            {
                break;
            }

            _ids[best] = _merged[best];
            _lengths[best] += _lengths[best + 1];
            int tail = n - best - 2;
            _ids.AsSpan(best + 2, tail).CopyTo(_ids.AsSpan(best + 1));
            _lengths.AsSpan(best + 2, tail).CopyTo(_lengths.AsSpan(best + 1));
            _ranks.AsSpan(best + 2, tail).CopyTo(_ranks.AsSpan(best + 1));
            _merged.AsSpan(best + 2, tail).CopyTo(_merged.AsSpan(best + 1));
            n--;
            if (best + 1 < n)
            {
                Rank(table, best, best + 1);
            }

            if (best > 0)
            {
                Rank(table, best - 1, best);
            }
        }

        Count = n;
    }

    private void MergeByHeap(MergeTable table)
    {
        int n = Count;
        if (_next.Length < n)
        {
            _next = new int[_ids.Length];
            _previous = new int[_ids.Length];
        }

        _heapCount = 0;
        for (int i = 0; i < n; i++)
        {
            _previous[i] = i - 1;
            _next[i] = i + 1 < n ? i + 1 : -1;
        }

        for (int i = 0; i < n; i++)
        {
            Push(table, i);
        }

        while (_heapCount > 0)
        {
            ulong top = Pop();
            int at = (int)(uint)top;
            if (_ids[at] < 0 || _next[at] < 0 || _ranks[at] != (int)(top >> 32))
            {
                continue; // merged away, or its pair has changed since
            }

            int gone = _next[at];
            _ids[at] = _merged[at];
            _lengths[at] += _lengths[gone];
            _ids[gone] = -1;
            _next[at] = _next[gone];
            if (_next[at] >= 0)
            {
                _previous[_next[at]] = at;
            }

            Push(table, at);
            if (_previous[at] >= 0)
            {
                Push(table, _previous[at]);
            }
        }

        int count = 0;
        for (int i = 0; i >= 0; i = _next[i])
        {
            _ids[count] = _ids[i];
            _lengths[count++] = _lengths[i];
        }

        Count = count;
    }

    private void Push(MergeTable table, int at)
    {
        if (_next[at] < 0)
        {
            _ranks[at] = MergeTable.NoRank;
            return;
        }

        Rank(table, at, _next[at]);
        if (_ranks[at] == MergeTable.NoRank)
        {
            return;
        }

        if (_heapCount == _heap.Length)
        {
            Array.Resize(ref _heap, Math.Max(64, checked(_heapCount * 2)));
        }

        ulong entry = ((ulong)(uint)_ranks[at] << 32) | (uint)at;
        int i = _heapCount++;
        while (i > 0 && _heap[(i - 1) >> 1] > entry)
        {
            _heap[i] = _heap[(i - 1) >> 1];
            i = (i - 1) >> 1;
        }

        _heap[i] = entry;
    }

    private ulong Pop()
    {
        ulong top = _heap[0];
        ulong last = _heap[--_heapCount];
        int i = 0;
        while (true)
        {
            int child = (2 * i) + 1;
            if (child >= _heapCount)
            {
                break;
            }

            child += child + 1 < _heapCount && _heap[child + 1] < _heap[child] ? 1 : 0;
            if (_heap[child] >= last)
            {
                break;
            }

            _heap[i] = _heap[child];
            i = child;
        }

        _heap[i] = last;
        return top;
    }
}
