namespace Engine.Tokenization;

/// <summary>A token that is found in the text itself, before the model sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text.</param>
public sealed record AddedToken(int Id, string Content)
{
    /// <summary>Left out by Decode when special tokens are skipped.</summary>
    public bool Special { get; init; }

    /// <summary>Takes the white space before it along.</summary>
    public bool LStrip { get; init; }

    /// <summary>Takes the white space after it along.</summary>
    public bool RStrip { get; init; }

    /// <summary>Is not found inside a word.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Is searched in the normalized text, itself normalized.</summary>
    public bool Normalized { get; init; }
}
