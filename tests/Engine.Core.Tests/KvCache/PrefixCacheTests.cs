using Engine.KvCache;

namespace Engine.Tests.KvCache;

public sealed class PrefixCacheTests
{
    private static readonly BlockHash Constant = (_, _, _) => 42;

    [Test]
    public void ARegisteredBlockIsFoundByItsTokens()
    {
        var cache = new PrefixCache(4, 2);
        long node = cache.Register(3, 0, PrefixCache.NoNode, [1, 2]);
        Assert.That(cache.Find(0, PrefixCache.NoNode, [1, 2]), Is.EqualTo(node));
        Assert.That(PrefixCache.BlockOf(node), Is.EqualTo(3));
    }

    [TestCase(0L, false, 1, 3, Description = "other tokens")]
    [TestCase(7L, false, 1, 2, Description = "another salt")]
    [TestCase(0L, true, 1, 2, Description = "another parent")]
    public void ACollidingHashIsAMiss(long root, bool otherParent, int first, int second)
    {
        var cache = new PrefixCache(4, 2, Constant);
        long parent = cache.Register(0, 0, PrefixCache.NoNode, [9, 9]);
        cache.Register(1, 0, PrefixCache.NoNode, [1, 2]);
        Assert.That(
            cache.Find(root, otherParent ? parent : PrefixCache.NoNode, [first, second]),
            Is.EqualTo(PrefixCache.NoNode));
    }

    [Test]
    public void ChildrenOfAForgottenBlockAreNotFoundUnderItsSuccessor()
    {
        var cache = new PrefixCache(4, 2);
        long parent = cache.Register(0, 0, PrefixCache.NoNode, [1, 2]);
        cache.Register(1, 0, parent, [3, 4]);
        cache.Forget(0);
        long successor = cache.Register(0, 0, PrefixCache.NoNode, [5, 6]);
        Assert.That(cache.Find(0, successor, [3, 4]), Is.EqualTo(PrefixCache.NoNode));
        Assert.That(cache.IsAlive(parent), Is.False);
    }

    [Test]
    public void TheFirstOfTwoEqualBlocksIsTheNode()
    {
        var cache = new PrefixCache(4, 2);
        long first = cache.Register(0, 0, PrefixCache.NoNode, [1, 2]);
        Assert.That(cache.Register(1, 0, PrefixCache.NoNode, [1, 2]), Is.EqualTo(first));
        Assert.That(cache.IsRegistered(1), Is.False);
    }

    [Test]
    public void SaltsHaveRootsOfTheirOwn()
    {
        var roots = new CacheRoots(2);
        long[] found = [roots.RootOf(null), roots.RootOf("a"), roots.RootOf("b"), roots.RootOf("c")];
        Assert.That(found, Is.Unique);
        Assert.That(roots.RootOf(""), Is.EqualTo(found[0]));
    }

    [Test]
    public void AForgottenSaltDoesNotGetItsOldRootBack()
    {
        var roots = new CacheRoots(2);
        long[] found = [roots.RootOf("a"), roots.RootOf("b"), roots.RootOf("c"), roots.RootOf("a")];
        Assert.That(found, Is.Unique);
    }

    [Test]
    public void ItFindsWhatItsNaiveTwinFindsUnderRandomCalls(
        [Range(1, 20)] int seed, [Values] bool collides)
    {
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        const int NumBlocks = 12;
        var cache = new PrefixCache(NumBlocks, 2, collides ? Constant : null);
        var twin = new Dictionary<string, int>();
        var nodes = new Dictionary<string, long> { [""] = PrefixCache.NoNode };
        for (int i = 0; i < 2000; i++)
        {
            string[] parents = [.. nodes.Keys.Order(StringComparer.Ordinal)];
            string parent = parents[random.Next(parents.Length)];
            int[] tokens = [random.Next(2), random.Next(2)];
            int root = parent.Length == 0 ? random.Next(2) : parent[0] - '0';
            string path = (parent.Length == 0 ? $"{root}" : parent) + $"/{tokens[0]}{tokens[1]}";
            long found = cache.Find(root, nodes[parent], tokens);
            Assert.That(found != PrefixCache.NoNode, Is.EqualTo(twin.ContainsKey(path)), $"seed {seed}");
            int block = random.Next(NumBlocks);
            if (cache.IsRegistered(block))
            {
                cache.Forget(block);
                string gone = twin.Single(pair => pair.Value == block).Key;
                twin.Remove(gone);
                nodes.Remove(gone);
                foreach (string orphan in nodes.Keys.Where(k => k.StartsWith(gone, StringComparison.Ordinal)).ToArray())
                {
                    // Still registered, but out of reach: nothing in the twin leads there.
                    nodes.Remove(orphan);
                    cache.Forget(twin[orphan]);
                    twin.Remove(orphan);
                }
            }
            else if (found == PrefixCache.NoNode)
            {
                nodes[path] = cache.Register(block, root, nodes[parent], tokens);
                twin[path] = block;
            }

            Assert.That(cache.Count, Is.EqualTo(twin.Count));
        }
    }
}
