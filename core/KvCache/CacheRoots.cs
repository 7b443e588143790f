namespace Engine.KvCache;

/// <summary>
/// One number per cache salt, so that blocks cached under one salt are never found under another. Numbers are not
/// reused: when the table is full it is emptied, and what was cached under forgotten salts simply ages out.
/// </summary>
internal sealed class CacheRoots(int maxSalts = 65536)
{
    private readonly Dictionary<string, long> _roots = new(StringComparer.Ordinal);
    private long _nextRoot = 1;

    /// <summary>The root of chains without a salt is 0.</summary>
    public long RootOf(string? salt)
    {
        if (string.IsNullOrEmpty(salt))
        {
            return 0;
        }

        if (!_roots.TryGetValue(salt, out long root))
        {
            if (_roots.Count == maxSalts)
            {
                _roots.Clear();
            }

            root = _nextRoot++;
            _roots.Add(salt, root);
        }

        return root;
    }
}
