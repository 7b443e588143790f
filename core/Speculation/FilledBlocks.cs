using Engine.Devices;
using Engine.Scheduling;

namespace Engine.Speculation;

/// <summary>
/// How far each block of a draft's KV is filled. A draft shares block ids with the model but computes when it is asked
/// to; blocks come from the prefix cache, are copied and given to others, and this is what knows which slots still
/// hold what the model's block holds.
/// </summary>
internal sealed class FilledBlocks(int numBlocks, int blockSize)
{
    private readonly int[] _numFilled = new int[numBlocks];

    /// <summary>A step begins: copies carry what they copy, and what the model writes anew is not filled.</summary>
    public void Begin(StepPlan plan)
    {
        foreach (BlockCopy copy in plan.BlockCopies)
        {
            _numFilled[copy.Destination] = _numFilled[copy.Source];
        }

        foreach (ref readonly ScheduledSequence s in plan.Sequences)
        {
            ReadOnlySpan<int> table = s.Sequence.BlockTable;
            for (int i = s.Start / blockSize; i < table.Length; i++)
            {
                int offset = Math.Max(0, s.Start - (i * blockSize));
                _numFilled[table[i]] = Math.Min(_numFilled[table[i]], offset);
            }
        }
    }

    /// <summary>First position of a sequence, below an end, whose slot is not filled; the end if all are.</summary>
    public int FirstMissing(Sequence sequence, int end)
    {
        ReadOnlySpan<int> table = sequence.BlockTable;
        for (int i = 0; i * blockSize < end; i++)
        {
            if (i >= table.Length || _numFilled[table[i]] < blockSize)
            {
                return Math.Min(end, (i * blockSize) + (i < table.Length ? _numFilled[table[i]] : 0));
            }
        }

        return end;
    }

    /// <summary>Positions start .. end - 1 have been written; all before start were.</summary>
    public void Fill(Sequence sequence, int start, int end)
    {
        ReadOnlySpan<int> table = sequence.BlockTable;
        for (int i = start / blockSize; i * blockSize < end; i++)
        {
            _numFilled[table[i]] = Math.Max(_numFilled[table[i]], Math.Min(blockSize, end - (i * blockSize)));
        }
    }
}
