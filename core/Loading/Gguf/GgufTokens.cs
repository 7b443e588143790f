namespace Engine.Loading.Gguf;

/// <summary>Ids of tokens that metadata name.</summary>
internal static class GgufTokens
{
    private const string Prefix = "tokenizer.ggml.";
    private const int ControlKind = 3;

    // End a turn wherever they are control tokens: files made before the key eot_token_id do not say so.
    private static readonly string[] EndOfTurn =
    [
        "<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<|end_of_text|>", "<|endoftext|>", "<end_of_turn>",
        "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "</s>", "<end_of_utterance>", "<\uff5cend\u2581of\u2581sentence\uff5c>",
        "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
    ];

    /// <summary>The id of a key, else the one that the kind of tokenizer has by custom, else -1.</summary>
    public static long Number(GgufFile file, string key)
    {
        int usual = (file.TextOrNull(Prefix + "model"), key) switch
        {
            ("llama", "bos_token_id") or ("t5", "eos_token_id") => 1,
            ("llama", "eos_token_id") or ("t5", "unknown_token_id") => 2,
            ("llama", "unknown_token_id") or ("t5", "padding_token_id") => 0,
            _ => -1,
        };
        return file.Number(Prefix + key, usual);
    }

    /// <summary>Ids that end an output.</summary>
    public static List<int> EndIds(GgufFile file)
    {
        List<int> ids = [];
        string[]? tokens = file.TextsOrNull(Prefix + "tokens");
        foreach (string key in (ReadOnlySpan<string>)["eos_token_id", "eot_token_id", "eom_token_id"])
        {
            long id = Number(file, key);
            if (id == -1 || id == uint.MaxValue) continue;
            if (id < 0 || id >= (tokens?.Length ?? int.MaxValue))
            {
                throw file.Wrong(Prefix + key, $"an id below {tokens?.Length}", id);
            }
            if (!ids.Contains((int)id)) ids.Add((int)id);
        }
        if (tokens is null || file.IntsOrNull(Prefix + "token_type") is not int[] kinds) return ids;
        for (int id = 0; id < Math.Min(tokens.Length, kinds.Length); id++)
        {
            bool ends = kinds[id] == ControlKind && Array.IndexOf(EndOfTurn, tokens[id]) >= 0;
            if (ends && !ids.Contains(id)) ids.Add(id);
        }
        return ids;
    }

    /// <summary>Chat templates by name.</summary>
    public static Dictionary<string, string> ChatTemplates(GgufFile file)
    {
        const string key = "tokenizer.chat_template";
        Dictionary<string, string> templates = new(StringComparer.Ordinal);
        foreach (string name in file.TextsOrNull(key + "s") ?? [])
        {
            if (file.TextOrNull($"{key}.{name}") is string named) templates[name] = named;
        }
        if (file.TextOrNull(key) is string template) templates["default"] = template;
        return templates;
    }
}
