namespace Engine.Tokenization;

/// <summary>What tokenizer_config.json and its neighbours say besides the vocabulary.</summary>
public sealed class TokenizerConfig
{
    /// <summary>tokenizer_class, or null.</summary>
    public string? TokenizerClass { get; set; }

    /// <summary>The token that begins a text, or null.</summary>
    public string? BosToken { get; set; }

    /// <summary>The token that ends a text, or null.</summary>
    public string? EosToken { get; set; }

    /// <summary>The token of what the vocabulary cannot spell, or null.</summary>
    public string? UnkToken { get; set; }

    /// <summary>The token that fills up batches, or null.</summary>
    public string? PadToken { get; set; }

    /// <summary>add_bos_token, or null where the file does not say.</summary>
    public bool? AddBosToken { get; set; }

    /// <summary>add_eos_token, or null where the file does not say.</summary>
    public bool? AddEosToken { get; set; }

    /// <summary>clean_up_tokenization_spaces.</summary>
    public bool CleanUpTokenizationSpaces { get; set; }

    /// <summary>model_max_length, or null where there is none or it is out of any reach.</summary>
    public long? ModelMaxLength { get; set; }

    /// <summary>Sources of chat templates by name; "default" where there is only one.</summary>
    public Dictionary<string, string> ChatTemplates { get; } = [];

    /// <summary>Values of every *_token field (bos_token, image_token, ...), for templates.</summary>
    public Dictionary<string, string> NamedTokens { get; } = [];
}
