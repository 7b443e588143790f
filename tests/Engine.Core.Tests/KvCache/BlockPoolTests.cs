using Engine.Diagnostics;
using Engine.KvCache;

namespace Engine.Tests.KvCache;

public sealed class BlockPoolTests
{
    [Test]
    public void BlocksAreAllocatedOnceEachAndThenNoMore()
    {
        var pool = new BlockPool(5);
        int[] blocks = [.. Enumerable.Range(0, 5).Select(_ => pool.Allocate())];
        Assert.That(blocks, Is.Unique);
        Assert.That(pool.Allocate(), Is.EqualTo(-1));
    }

    [Test]
    public void KeptContentIsAllocatedLast()
    {
        var pool = new BlockPool(3);
        int[] blocks = [pool.Allocate(), pool.Allocate(), pool.Allocate()];
        pool.Release(blocks[0], keepContent: true);
        pool.Release(blocks[1], keepContent: true);
        pool.Release(blocks[2], keepContent: false);
        Assert.That(pool.FreeList(), Is.EqualTo(new[] { blocks[2], blocks[0], blocks[1] }));
    }

    [Test]
    public void ASharedBlockIsFreeWhenItsLastOwnerReleasesIt()
    {
        var pool = new BlockPool(1);
        int block = pool.Allocate();
        pool.AddReference(block);
        pool.Release(block, keepContent: false);
        Assert.That(pool.NumFree, Is.Zero);
        pool.Release(block, keepContent: false);
        Assert.That(pool.NumFree, Is.EqualTo(1));
    }

    [Test]
    public void AFencedBlockIsNotAllocatedUntilTheFenceIsLifted()
    {
        var pool = new BlockPool(1);
        int block = pool.Allocate();
        pool.Fence(block);
        pool.Release(block, keepContent: false);
        Assert.That(pool.Allocate(), Is.EqualTo(-1));
        Assert.That(pool.NumFencedIdle, Is.EqualTo(1));
        pool.LiftFences();
        Assert.That(pool.Allocate(), Is.EqualTo(block));
    }

    [Test]
    public void ReleasingTwiceIsABrokenInvariant()
    {
        var pool = new BlockPool(1);
        int block = pool.Allocate();
        pool.Release(block, keepContent: false);
        Assert.Throws<InvariantException>(() => pool.Release(block, keepContent: false));
    }

    [Test]
    public void ItBehavesAsItsNaiveTwinUnderRandomCalls([Range(1, 20)] int seed)
    {
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        int numBlocks = random.Next(1, 20);
        var pool = new BlockPool(numBlocks);
        var twin = new NaivePool(numBlocks);
        for (int i = 0; i < 3000; i++)
        {
            int block = random.Next(numBlocks);
            bool keep = random.Next(2) == 0;
            switch (random.Next(8))
            {
                case 0 or 1 or 2:
                    Assert.That(pool.Allocate(), Is.EqualTo(twin.Allocate()));
                    break;
                case 3 or 4 when twin.RefCounts[block] > 0:
                    pool.Release(block, keep);
                    twin.Release(block, keep);
                    break;
                case 5:
                    pool.AddReference(block);
                    twin.AddReference(block);
                    break;
                case 6 when twin.RefCounts[block] > 0:
                    pool.Fence(block);
                    twin.Fence(block);
                    break;
                case 7 when random.Next(4) == 0:
                    pool.LiftFences();
                    twin.LiftFences();
                    break;
                default:
                    break;
            }

            pool.CheckIntegrity();
            Assert.That(pool.FreeList(), Is.EqualTo(twin.Free), $"seed {seed}, call {i}");
        }
    }

    /// <summary>The same with lists searched from end to end.</summary>
    private sealed class NaivePool(int numBlocks)
    {
        private readonly List<int> _fences = [];

        public List<int> Free { get; } = [.. Enumerable.Range(0, numBlocks)];

        public int[] RefCounts { get; } = new int[numBlocks];

        public int Allocate()
        {
            if (Free.Count == 0)
            {
                return -1;
            }

            int block = Free[0];
            Free.RemoveAt(0);
            RefCounts[block] = 1;
            return block;
        }

        public void AddReference(int block)
        {
            RefCounts[block]++;
            Free.Remove(block);
        }

        public void Release(int block, bool keep)
        {
            if (--RefCounts[block] == 0 && !_fences.Contains(block))
            {
                Free.Insert(keep ? Free.Count : 0, block);
            }
        }

        public void Fence(int block)
        {
            if (!_fences.Contains(block))
            {
                _fences.Add(block);
            }
        }

        public void LiftFences()
        {
            Free.AddRange(_fences.Where(block => RefCounts[block] == 0));
            _fences.Clear();
        }
    }
}
