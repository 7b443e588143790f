namespace Engine.Conversion;

/// <summary>Where a converted model goes.</summary>
public sealed record ConvertOptions
{
    /// <summary>The folder; made if it is not there.</summary>
    public required string Output { get; init; }

    /// <summary>Replaces what is in a folder that is not empty.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Tensors of one file, in bytes.</summary>
    public long ShardBytesMax { get; init; } = 5_000_000_000;
}

/// <summary>What was written.</summary>
/// <param name="NumFiles">Files of weights.</param>
/// <param name="Bytes">Bytes of tensors.</param>
/// <param name="NumRounded">Matrices that were rounded.</param>
/// <param name="NumKept">Tensors that were taken as they are.</param>
public readonly record struct ConvertResult(int NumFiles, long Bytes, int NumRounded, int NumKept);
