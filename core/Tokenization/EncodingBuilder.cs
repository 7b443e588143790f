namespace Engine.Tokenization;

/// <summary>Tokens of one text while they are collected, before the post-processor.</summary>
internal sealed class EncodingBuilder
{
    public List<int> Ids { get; } = [];

    public List<string> Tokens { get; } = [];

    public List<(int Start, int End)> Offsets { get; } = [];

    public List<int> TypeIds { get; } = [];

    public List<bool> SpecialMask { get; } = [];

    public void Add(int id, string token, (int Start, int End) offsets, int typeId, bool special)
    {
        Ids.Add(id);
        Tokens.Add(token);
        Offsets.Add(offsets);
        TypeIds.Add(typeId);
        SpecialMask.Add(special);
    }

    /// <summary>Appends the first tokens of another text under a type id.</summary>
    public void Append(EncodingBuilder other, int count, int typeId)
    {
        for (int i = 0; i < count; i++)
        {
            Add(other.Ids[i], other.Tokens[i], other.Offsets[i], typeId, special: false);
        }
    }

    public TokenEncoding Build() => new()
    {
        Ids = [.. Ids],
        Tokens = [.. Tokens],
        Offsets = [.. Offsets],
        TypeIds = [.. TypeIds],
        SpecialMask = [.. SpecialMask],
    };
}
