namespace Engine.Tokenization.Templating;

/// <summary>What one template may cost. Templates come with models, thus from strangers.</summary>
public sealed record TemplateLimits
{
    /// <summary>The defaults.</summary>
    public static TemplateLimits Default { get; } = new();

    /// <summary>Largest template source, in UTF-16 units.</summary>
    public int SourceCharsMax { get; init; } = 1 << 20;

    /// <summary>Operations of one rendering: statements, expressions, items and blocks of text.</summary>
    public long OperationsMax { get; init; } = 1_000_000;

    /// <summary>Longest text that a rendering may build, in UTF-16 units.</summary>
    public int TextCharsMax { get; init; } = 1 << 24;

    /// <summary>The output may be this many times the input (template and data)...</summary>
    public int OutputFactor { get; init; } = 4;

    /// <summary>... plus this many UTF-16 units.</summary>
    public int OutputExtraChars { get; init; } = 64 * 1024;

    /// <summary>Nesting of expressions and statements in the source.</summary>
    public int ParseDepthMax { get; init; } = 100;

    /// <summary>Nesting of macro calls and of recursive loops while rendering.</summary>
    public int CallDepthMax { get; init; } = 150;

    /// <summary>Nesting of values that are printed, compared or serialized.</summary>
    public int ValueDepthMax { get; init; } = 400;
}
