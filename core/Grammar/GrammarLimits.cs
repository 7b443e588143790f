namespace Engine.Grammar;

/// <summary>What compiling and following one grammar may cost.</summary>
public sealed record GrammarLimits
{
    /// <summary>The defaults below.</summary>
    public static GrammarLimits Default { get; } = new();

    /// <summary>UTF-16 units of the text of a grammar, regular expression or schema.</summary>
    public int MaxLength { get; init; } = 64 * 1024;

    /// <summary>Nesting of groups or of a schema.</summary>
    public int MaxDepth { get; init; } = 64;

    /// <summary>States of the network.</summary>
    public int MaxStates { get; init; } = 100_000;

    /// <summary>How long compiling may take of the thread's own time: a busy machine refuses nothing else.</summary>
    public int MaxCompileMilliseconds { get; init; } = 2000;

    /// <summary>How long masks may be made ahead, once for a grammar, on the thread that compiled it.</summary>
    public int MaxPrepareMilliseconds { get; init; } = 10;

    /// <summary>Positions that may be open at the same time while text is followed.</summary>
    public int MaxPositions { get; init; } = 20_000;
}
