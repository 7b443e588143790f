namespace Engine.Loading.Gguf;

/// <summary>Which of several GGUF models is meant by a tag such as Q4_K_M.</summary>
internal static class GgufChoice
{
    // What llama.cpp takes where no tag is given.
    private static readonly string[] Preferred = ["Q4_K_M", "Q8_0"];

    /// <summary>Parts of "org/name:TAG".</summary>
    public static (string Name, string? Tag) Split(string name)
    {
        int colon = name.LastIndexOf(':');
        bool hasTag = colon > 0 && colon < name.Length - 1 && name.Length - colon <= 64 &&
            name.AsSpan(colon + 1).IndexOfAnyExcept(TagCharacters) < 0;
        return hasTag ? (name[..colon], name[(colon + 1)..]) : (name, null);
    }

    /// <summary>The files of one model, shards in order; empty if the tag fits none.</summary>
    /// <param name="names">Paths with '/'; those that are no GGUF language models do not count.</param>
    /// <param name="tag">Null takes the only model, else what is usual.</param>
    public static List<string> Files(IEnumerable<string> names, string? tag)
    {
        ILookup<string, string> models = names
            .Where(n => n.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) && GgufModel.IsLanguageModel(n))
            .ToLookup(GgufModel.FirstShardOf, StringComparer.Ordinal);
        string? chosen = tag is not null ? Find(models, tag)
            : models.Count == 1 ? models.First().Key
            : Preferred.Select(t => Find(models, t)).FirstOrDefault(m => m is not null) ??
                models.Select(m => m.Key).Order(StringComparer.Ordinal).FirstOrDefault();
        return chosen is null ? [] : [.. models[chosen].Order(StringComparer.Ordinal)];
    }

    private static System.Buffers.SearchValues<char> TagCharacters { get; } = System.Buffers.SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    // The shortest name, so that Q4_K_M is not its variant UD-Q4_K_M.
    private static string? Find(ILookup<string, string> models, string tag) => models.Select(m => m.Key)
        .Where(m => HasTag(m, tag)).OrderBy(m => m.Length).ThenBy(m => m, StringComparer.Ordinal).FirstOrDefault();

    /// <summary>True if the tag stands in a path between separators: Q4_K is not in model-Q4_K_M.gguf.</summary>
    private static bool HasTag(string path, string tag)
    {
        for (int at = 0; (at = path.IndexOf(tag, at, StringComparison.OrdinalIgnoreCase)) >= 0; at++)
        {
            int end = at + tag.Length;
            bool begins = at == 0 || path[at - 1] is '-' or '.' or '/' or '_';
            if (begins && (end == path.Length || path[end] is '-' or '.' or '/')) return true;
        }
        return false;
    }
}
