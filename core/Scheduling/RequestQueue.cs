using Engine.Diagnostics;

namespace Engine.Scheduling;

/// <summary>The waiting sequences: a binary heap in SequenceOrder.CompareWaiting, with removal from anywhere.
/// </summary>
internal sealed class RequestQueue(int capacity)
{
    private Sequence?[] _heap = new Sequence?[Math.Max(1, capacity)];

    public int Count { get; private set; }

    public Sequence Peek() => _heap[0]!;

    public void Enqueue(Sequence sequence)
    {
        Invariant.Check(sequence.QueueIndex < 0, "a sequence was queued twice");
        if (Count == _heap.Length)
        {
            Array.Resize(ref _heap, 2 * Count);
        }

        SiftUp(Count++, sequence);
    }

    public void Remove(Sequence sequence)
    {
        int index = sequence.QueueIndex;
        Invariant.Check(index >= 0 && _heap[index] == sequence, "the queue lost a sequence");
        sequence.QueueIndex = -1;
        Sequence last = _heap[--Count]!;
        _heap[Count] = null;
        if (index == Count)
        {
            return;
        }

        if (index > 0 && SequenceOrder.CompareWaiting(last, _heap[(index - 1) / 2]!) < 0)
        {
            SiftUp(index, last);
        }
        else
        {
            SiftDown(index, last);
        }
    }

    /// <summary>The waiting sequences in no order.</summary>
    public ReadOnlySpan<Sequence?> Items => _heap.AsSpan(0, Count);

    private void SiftUp(int index, Sequence sequence)
    {
        while (index > 0)
        {
            int parent = (index - 1) / 2;
            if (SequenceOrder.CompareWaiting(sequence, _heap[parent]!) >= 0)
            {
                break;
            }

            Place(index, _heap[parent]!);
            index = parent;
        }

        Place(index, sequence);
    }

    private void SiftDown(int index, Sequence sequence)
    {
        for (int child = 2 * index + 1; child < Count; child = 2 * index + 1)
        {
            if (child + 1 < Count
                && SequenceOrder.CompareWaiting(_heap[child + 1]!, _heap[child]!) < 0)
            {
                child++;
            }

            if (SequenceOrder.CompareWaiting(sequence, _heap[child]!) <= 0)
            {
                break;
            }

            Place(index, _heap[child]!);
            index = child;
        }

        Place(index, sequence);
    }

    private void Place(int index, Sequence sequence)
    {
        _heap[index] = sequence;
        sequence.QueueIndex = index;
    }
}
