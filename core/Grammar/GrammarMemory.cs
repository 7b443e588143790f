namespace Engine.Grammar;

/// <summary>What all grammars together remember: steps, masks. Bounded in bytes.</summary>
internal static class GrammarMemory
{
    /// <summary>One grammar forgets when it holds more.</summary>
    public const long MaxBytesOfOne = 64L << 20;

    /// <summary>Beyond it, whoever holds more than <see cref="SmallBytes"/> and wants more forgets first.</summary>
    public const long MaxBytesOfAll = 512L << 20;

    private const long SmallBytes = 2L << 20;

    private static long _total;

    /// <summary>Bytes remembered by all grammars that are alive.</summary>
    public static long TotalBytes => Interlocked.Read(ref _total);

    public static void Add(long bytes) => Interlocked.Add(ref _total, bytes);

    /// <summary>Whether a grammar that holds so much has to forget before it takes more.</summary>
    public static bool MustForget(long own, long mostOfOne = MaxBytesOfOne) =>
        own > mostOfOne || (own > SmallBytes && TotalBytes > MaxBytesOfAll);
}
