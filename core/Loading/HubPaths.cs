using Engine.Loading.Gguf;

namespace Engine.Loading;

/// <summary>Names that come from outside and become paths.</summary>
internal static class HubPaths
{
    /// <summary>True if a path of '/'-separated parts stays below the folder that it is joined to.</summary>
    public static bool IsSafeRelative(string path) =>
        path.Length is > 0 and <= 1024
        && path.Split('/').All(part => part.Length > 0 && part is not ("." or "..")
            && part.All(c => c >= ' ' && c is not ('\\' or ':')));
}

/// <summary>Which files of a repository a model needs.</summary>
internal static class HubFileSelection
{
    private static readonly string[] SideFiles =
    [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model",
        "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "vocab.txt",
        "chat_template.jinja", "chat_template.json", "preprocessor_config.json", "processor_config.json",
        "quantize_config.json", "quant_config.json", "hf_quant_config.json", "modules.json",
        "model.safetensors.index.json",
    ];

    /// <summary>Side files and weights of the top folder; no pickles, no code, no second copy.</summary>
    /// <param name="names">All files of the repository.</param>
    /// <param name="tag">Which GGUF model to take, and nothing else; null is the checkpoint, if there is one.</param>
    public static List<string> Choose(IReadOnlyCollection<string> names, string? tag = null)
    {
        // A GGUF model is complete in itself.
        if (tag is not null || !names.Any(IsWeight))
        {
            List<string> gguf = GgufChoice.Files(names, tag);
            if (tag is not null || gguf.Count > 0) return gguf;
        }
        var chosen = names.Where(name => SideFiles.Contains(name)
            || name.EndsWith(".tiktoken", StringComparison.Ordinal)
            || IsSentenceTransformersFile(name)).ToList();
        List<string> weights = names.Where(IsWeight).ToList();
        if (weights.Contains("model.safetensors") || names.Contains("model.safetensors.index.json"))
        {
            weights.RemoveAll(name => !name.StartsWith("model", StringComparison.Ordinal));
        }

        chosen.AddRange(weights);
        bool isModel = chosen.Contains("config.json") || weights.Count > 0;
        return isModel ? chosen : [];
    }

    private static bool IsWeight(string name) =>
        name.EndsWith(".safetensors", StringComparison.Ordinal) && !name.Contains('/', StringComparison.Ordinal);

    private static bool IsSentenceTransformersFile(string name) =>
        name.Length > 2 && char.IsAsciiDigit(name[0]) && name[1] == '_'
        && (name.EndsWith("/config.json", StringComparison.Ordinal)
            || name.EndsWith("/model.safetensors", StringComparison.Ordinal));
}
