namespace Engine.Grammar;

/// <summary>
/// How much a thread may still work on grammars. What a mask costs is not known before it is made: who must not wait
/// long sets a limit, and what is under way gives up when it is reached, with nothing claimed. Steps taken until then
/// are remembered, so that a second attempt has less to do.
/// </summary>
internal static class WorkBudget
{
    /// <summary>One node of a trie walked, in nanoseconds where others use the caches too.</summary>
    public const int Node = 10;

    /// <summary>A token's bit set.</summary>
    public const int Token = 3;

    /// <summary>One step looked up and judged.</summary>
    public const int LookUp = 15;

    /// <summary>One byte read where items have to differ.</summary>
    public const int Scan = 60;

    /// <summary>One look at how an item may go on.</summary>
    public const int Outlook = 400;

    /// <summary>One step made, and each position that is open after it.</summary>
    public const int Step = 400;

    /// <summary>See <see cref="Step"/>.</summary>
    public const int Position = 40;

    [ThreadStatic]
    private static bool _isLimited;

    [ThreadStatic]
    private static long _left;

    /// <summary>There was a limit, and it has been reached.</summary>
    public static bool IsSpent => _isLimited && _left <= 0;

    /// <summary>Limits this thread until <see cref="End"/>.</summary>
    public static void Begin(long units)
    {
        _isLimited = true;
        _left = units;
    }

    /// <summary>Ends the limit; what is left of it, which may be less than nothing.</summary>
    public static long End()
    {
        _isLimited = false;
        return _left;
    }

    public static void Spend(long units) => _left -= units;
}
