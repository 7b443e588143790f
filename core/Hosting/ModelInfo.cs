namespace Engine.Hosting;

/// <summary>What the engine's host must know of a model.</summary>
public sealed record ModelInfo
{
    /// <summary>The name shown to clients.</summary>
    public required string Name { get; init; }

    /// <summary>Ids are 0 .. VocabSize - 1.</summary>
    public required int VocabSize { get; init; }

    /// <summary>Longest prompt plus output.</summary>
    public required int MaxModelLen { get; init; }

    /// <summary>Ids that end an output.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>Begins a text, or null.</summary>
    public int? BosTokenId { get; init; }
}
