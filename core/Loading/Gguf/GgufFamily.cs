namespace Engine.Loading.Gguf;

/// <summary>How one value of general.architecture maps to the family that Engine knows by config.json.</summary>
/// <param name="Architecture">The class of architectures[0].</param>
/// <param name="ModelType">model_type.</param>
/// <param name="Names">Names of tensors.</param>
internal sealed record GgufFamily(string Architecture, string ModelType, GgufNames Names)
{
    /// <summary>Rows of q and k lie as pairs (i, i + headDim / 2) beside one another in each head.</summary>
    public bool PairsHeads { get; init; }

    /// <summary>1 is added to the weights of norms already.</summary>
    public bool ShiftsNorms { get; init; }

    /// <summary>Heads of a fused q, k, v lie sorted: all q, all k, all v.</summary>
    public bool SortsQkv { get; init; }

    /// <summary>The key of the norms' epsilon in config.json; layer norms unless it is rms_norm_eps.</summary>
    public string Epsilon { get; init; } = "rms_norm_eps";

    /// <summary>Of every so many layers the last is full where the file gives no pattern; 0: no windows.</summary>
    public int WindowPeriod { get; init; }

    /// <summary>The window of files that were made before there was a key for it; 0: none.</summary>
    public int UsualWindow { get; init; }

    /// <summary>Layers with a window have heads (key_length_swa) and positions of their own.</summary>
    public bool HasTwoKindsOfHeads { get; init; }

    /// <summary>rope.scaling.alpha widens the base of rotary positions.</summary>
    public bool HasRopeAlpha { get; init; }

    /// <summary>A key of config.json, with its value, that says which activation.</summary>
    public (string Key, string Name) Activation { get; init; } = ("hidden_act", "silu");

    /// <summary>What else config.json needs.</summary>
    public Action<GgufConfig>? More { get; init; }
}

/// <summary>Names of tensors in checkpoints and in GGUF files, less ".weight" and ".bias".</summary>
/// <param name="Layers">What precedes a layer's number in a checkpoint: "model.layers.".</param>
/// <param name="Globals">Names outside of the layers.</param>
/// <param name="InLayer">Names behind the layer's number.</param>
internal sealed record GgufNames(
    string Layers, IReadOnlyDictionary<string, string> Globals, IReadOnlyDictionary<string, string> InLayer)
{
    /// <summary>The name in the GGUF file, with its suffix; null for a tensor that the format has not.</summary>
    /// <param name="name">Name in a checkpoint.</param>
    public string? Find(string name)
    {
        int dot = name.LastIndexOf('.');
        if (dot < 0) return null;
        // A parameter without a suffix: "model.layers.3.layer_scalar".
        return Find(name[..dot], name[dot..]) ?? Find(name, ".weight");
    }

    private string? Find(string stem, string suffix)
    {
        if (Globals.TryGetValue(stem, out string? global)) return global + suffix;
        if (!stem.StartsWith(Layers, StringComparison.Ordinal)) return null;
        int end = stem.IndexOf('.', Layers.Length);
        if (end < 0) return null;
        string number = stem[Layers.Length..end];
        return InLayer.TryGetValue(stem[(end + 1)..], out string? local) ? $"blk.{number}.{local}{suffix}" : null;
    }

    /// <summary>Number of the layer of a checkpoint's name, or -1.</summary>
    public int LayerOf(string name)
    {
        if (!name.StartsWith(Layers, StringComparison.Ordinal)) return -1;
        int end = name.IndexOf('.', Layers.Length);
        return end > 0 && int.TryParse(name.AsSpan(Layers.Length, end - Layers.Length), out int layer) ? layer : -1;
    }

    /// <summary>These names with some added or replaced.</summary>
    public GgufNames With(params ReadOnlySpan<(string Name, string Gguf)> inLayer)
    {
        Dictionary<string, string> names = new(InLayer, StringComparer.Ordinal);
        foreach ((string name, string gguf) in inLayer) names[name] = gguf;
        return this with { InLayer = names };
    }

    public static GgufNames Of(
        string layers, ReadOnlySpan<(string Name, string Gguf)> globals,
        ReadOnlySpan<(string Name, string Gguf)> inLayer)
    {
        Dictionary<string, string> global = new(StringComparer.Ordinal), local = new(StringComparer.Ordinal);
        foreach ((string name, string gguf) in globals) global.Add(name, gguf);
        foreach ((string name, string gguf) in inLayer) local.Add(name, gguf);
        return new GgufNames(layers, global, local);
    }
}
