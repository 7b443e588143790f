using System.Globalization;
using System.Text.Json;

namespace Engine.Loading.Gguf;

/// <summary>Says in the words of config.json what the metadata of a GGUF file says about a model.</summary>
internal sealed partial class GgufConfig : IDisposable
{
    private readonly GgufModel _model;
    private readonly GgufFamily _family;
    private readonly MemoryStream _bytes = new();

    private GgufConfig(GgufModel model, GgufFamily family)
    {
        _model = model;
        _family = family;
        Prefix = model.Metadata.Text("general.architecture") + ".";
        Json = new Utf8JsonWriter(_bytes);
    }

    /// <summary>What the keys of this architecture begin with: "llama.".</summary>
    public string Prefix { get; }

    /// <summary>Where families write what is theirs alone.</summary>
    public Utf8JsonWriter Json { get; }

    public int NumLayers { get; private set; }

    public int NumHeads { get; private set; }

    public int NumKvHeads { get; private set; }

    public int HeadDim { get; private set; }

    public int HiddenSize { get; private set; }

    /// <summary>config.json for a model.</summary>
    public static byte[] Create(GgufModel model)
    {
        using GgufConfig config = new(model, GgufFamilies.Of(model));
        config.Write();
        return config._bytes.ToArray();
    }

    /// <summary>True if the file has such a tensor.</summary>
    public bool HasTensor(string name) => _model.Tensors.ContainsKey(name);

    /// <summary>A number of this architecture; an array of one value for every layer counts as that value.</summary>
    public double? Real(string key)
    {
        string full = Prefix + key;
        if (!_model.Metadata.Metadata.TryGetValue(full, out object? value)) return null;
        return value is not Array array ? _model.Metadata.RealOrNull(full) : Same(full, array);
    }

    public double Real(string key, double otherwise) => Real(key) ?? otherwise;

    /// <summary>A whole number of this architecture within bounds.</summary>
    public int? Int(string key, int min, int max)
    {
        if (Real(key) is not double value) return null;
        return value == Math.Floor(value) && value >= min && value <= max
            ? (int)value
            : throw Bad(key, $"an integer from {min} to {max}", value.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>The same, which must be there.</summary>
    public int NeedInt(string key, int min, int max) => Int(key, min, max) ?? throw Missing(key);

    public bool Flag(string key, bool otherwise) => _model.Metadata.Flag(Prefix + key, otherwise);

    /// <summary>A number for each layer from an array, or null.</summary>
    public double[]? PerLayer(string key)
    {
        bool isArray = _model.Metadata.Metadata.TryGetValue(Prefix + key, out object? value) && value is Array;
        if (!isArray) return null;
        Array array = (Array)value!;
        if (array.Length < NumLayers) throw Bad(key, $"{NumLayers} values", $"{array.Length}");
        double[] values = new double[array.Length];
        for (int i = 0; i < values.Length; i++) values[i] = Element(Prefix + key, array, i);
        return values;
    }

    /// <summary>A factor per rotary pair from a tensor, or null.</summary>
    public float[]? Factors(string tensor) =>
        _model.Tensors.TryGetValue(tensor, out MappedGgufTensor? t) ? GgufWeights.ReadFloats(t) : null;

    public EngineException Bad(string key, string expected, string found) =>
        EngineException.Corrupt(_model.Name, $"{Prefix}{key}: expected {expected}, found {found}");

    public EngineException Unsupported(string what) => new(
        EngineStatus.Unsupported, $"{_model.Name}: general.architecture \"{Prefix[..^1]}\": {what}", "model");

    /// <summary>Columns of a tensor's rows.</summary>
    public int? Columns(string tensor) => Dimension(tensor, 0);

    /// <summary>Rows of a tensor.</summary>
    public int? Rows(string tensor) => Dimension(tensor, 1);

    /// <summary>Name of the file, for messages.</summary>
    public string File => _model.Name;

    /// <summary>Columns of a head: of k, and the same of v.</summary>
    /// <param name="kind">What the keys end in: nothing, or "_swa" for layers with a window.</param>
    public int HeadDimOf(string kind)
    {
        string key = "attention.key_length" + kind;
        int width = _family.HasTwoKindsOfHeads ? NeedInt(key, 1, 4096) : Int(key, 1, 4096) ?? HiddenSize / NumHeads;
        return Int("attention.value_length" + kind, 1, 4096) is int value && value != width
            ? throw Unsupported($"heads of k with {width} and of v with {value} columns are not supported")
            : width;
    }

    private int? Dimension(string tensor, int index) =>
        _model.Tensors.TryGetValue(tensor, out MappedGgufTensor? t) && index < t.Info.Shape.Length
        && t.Info.Shape[index] is > 0 and <= int.MaxValue
            ? (int)t.Info.Shape[index]
            : null;

    private void Write()
    {
        NumLayers = NeedInt("block_count", 1, 4096);
        HiddenSize = NeedInt("embedding_length", 1, 1 << 20);
        NumHeads = NeedInt("attention.head_count", 1, 1 << 14);
        NumKvHeads = (_family.HasTwoKindsOfHeads
            ? GgufGemma4.KvHeads(this, isSliding: true)
            : Int("attention.head_count_kv", 1, NumHeads)) ?? NumHeads;
        HeadDim = HeadDimOf(_family.HasTwoKindsOfHeads ? "_swa" : "");
        // Hunyuan's dense files say one expert.
        if (Int("expert_count", 0, 1 << 16) > (_family.HasRopeAlpha ? 1 : 0)) throw Unsupported("mixtures of experts are not supported");
        Json.WriteStartObject();
        Json.WriteStartArray("architectures");
        Json.WriteStringValue(_family.Architecture);
        Json.WriteEndArray();
        Json.WriteString("model_type", _family.ModelType);
        WriteShape();
        WriteEpsilon();
        Json.WriteString(_family.Activation.Key, _family.Activation.Name);
        if (_family.HasTwoKindsOfHeads) GgufGemma4.WriteRope(this);
        else WriteRope();
        WriteWindows();
        WriteTokens();
        _family.More?.Invoke(this);
        Json.WriteEndObject();
        Json.Flush();
    }

    private void WriteShape()
    {
        // The embedding rather than the tokenizer says how many rows there are: some are filled up.
        int vocab = Dimension("token_embd.weight", 1) ?? throw EngineException.Corrupt(
            _model.Name, "token_embd.weight: expected a matrix of this name, found none");
        // Some converters write 4 times the width whatever the matrices are.
        int inner = Columns("blk.0.ffn_down.weight") ?? NeedInt("feed_forward_length", 1, 1 << 22);
        Json.WriteNumber("vocab_size", vocab);
        Json.WriteNumber("hidden_size", HiddenSize);
        Json.WriteNumber("intermediate_size", inner);
        Json.WriteNumber("num_hidden_layers", NumLayers);
        Json.WriteNumber("num_attention_heads", NumHeads);
        Json.WriteNumber("num_key_value_heads", NumKvHeads);
        Json.WriteNumber("head_dim", HeadDim);
        Json.WriteNumber("max_position_embeddings", NeedInt("context_length", 1, 1 << 28));
        Json.WriteBoolean("tie_word_embeddings", !HasTensor("output.weight"));
    }

    private void WriteEpsilon()
    {
        string key = _family.Epsilon == "rms_norm_eps" ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon";
        Json.WriteNumber(_family.Epsilon, Real(key) ?? throw Missing(key));
    }

    private void WriteWindows()
    {
        int window = Int("attention.sliding_window", 0, int.MaxValue) ?? _family.UsualWindow;
        if (window == 0 || _family.WindowPeriod == 0) return;
        Json.WriteNumber("sliding_window", window);
        Json.WriteStartArray("layer_types");
        foreach (bool isSliding in SlidingLayers()) Json.WriteStringValue(isSliding ? "sliding_attention" : "full_attention");
        Json.WriteEndArray();
    }

    /// <summary>Which layers have a window.</summary>
    public bool[] SlidingLayers()
    {
        double[]? pattern = PerLayer("attention.sliding_window_pattern");
        int period = pattern is null
            ? Int("attention.sliding_window_pattern", 1, 4096) ?? _family.WindowPeriod
            : _family.WindowPeriod;
        return [.. Enumerable.Range(0, NumLayers).Select(
            i => pattern is null ? i % period < period - 1 : pattern[i] != 0)];
    }

    private void WriteTokens()
    {
        List<int> ends = GgufTokens.EndIds(_model.Metadata);
        if (ends.Count > 0)
        {
            Json.WriteStartArray("eos_token_id");
            foreach (int id in ends) Json.WriteNumberValue(id);
            Json.WriteEndArray();
        }
        long bos = GgufTokens.Number(_model.Metadata, "bos_token_id");
        if (bos is >= 0 and <= int.MaxValue) Json.WriteNumber("bos_token_id", (int)bos);
    }

    public void Dispose()
    {
        Json.Dispose();
        _bytes.Dispose();
    }

    private double Same(string key, Array array)
    {
        if (array.Length == 0) throw _model.Metadata.Wrong(key, "a number", array);
        double first = Element(key, array, 0);
        for (int i = 1; i < array.Length; i++)
        {
            if (Element(key, array, i) != first)
            {
                throw new EngineException(
                    EngineStatus.Unsupported, $"{_model.Name}: {key}: differs from layer to layer, which is not supported", "model");
            }
        }
        return first;
    }

    private double Element(string key, Array array, int index) => array.GetValue(index) switch
    {
        bool flag => flag ? 1 : 0,
        float x when float.IsFinite(x) => x,
        double x when double.IsFinite(x) => x,
        byte or sbyte or short or ushort or int or uint or long or ulong =>
            Convert.ToDouble(array.GetValue(index), CultureInfo.InvariantCulture),
        _ => throw _model.Metadata.Wrong(key, "an array of finite numbers", array),
    };

    private EngineException Missing(string key) => EngineException.Corrupt(_model.Name, $"{Prefix}{key}: is missing");
}
