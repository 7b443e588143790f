namespace Engine.Tests.Loading.Gguf;

/// <summary>A Llama of one layer in a GGUF file, made in the test.</summary>
internal static class TinyGguf
{
    public const int Vocab = 40;
    private const int Hidden = 16;
    private const int Inner = 32;
    private const int KvWidth = 8;

    /// <summary>Tensors by name, rows first.</summary>
    public static readonly (string Name, long[] Shape)[] Tensors =
    [
        ("token_embd.weight", [Vocab, Hidden]), ("output_norm.weight", [Hidden]),
        ("blk.0.attn_norm.weight", [Hidden]), ("blk.0.ffn_norm.weight", [Hidden]),
        ("blk.0.attn_q.weight", [Hidden, Hidden]), ("blk.0.attn_k.weight", [KvWidth, Hidden]),
        ("blk.0.attn_v.weight", [KvWidth, Hidden]), ("blk.0.attn_output.weight", [Hidden, Hidden]),
        ("blk.0.ffn_gate.weight", [Inner, Hidden]), ("blk.0.ffn_up.weight", [Inner, Hidden]),
        ("blk.0.ffn_down.weight", [Hidden, Inner]),
    ];

    /// <summary>Metadata of the model, less its tokens.</summary>
    public static GgufWriter Metadata(string architecture = "llama") => new GgufWriter()
        .Text("general.architecture", architecture)
        .Integer(architecture + ".block_count", 1)
        .Integer(architecture + ".context_length", 64)
        .Integer(architecture + ".embedding_length", Hidden)
        .Integer(architecture + ".feed_forward_length", Inner)
        .Integer(architecture + ".attention.head_count", 2)
        .Integer(architecture + ".attention.head_count_kv", 1)
        .Real(architecture + ".attention.layer_norm_rms_epsilon", 1e-5f);

    /// <summary>Values of a tensor, the same every time.</summary>
    public static float[] Values(string name, long[] shape)
    {
        Random random = new(name.Sum(c => c));
        float centre = shape.Length == 1 ? 1 : 0;
        float[] values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        for (int i = 0; i < values.Length; i++) values[i] = centre + (random.NextSingle() / 2) - 0.25f;
        return values;
    }

    public static GgufWriter AddTensors(this GgufWriter writer, Func<string, bool>? which = null)
    {
        foreach ((string name, long[] shape) in Tensors)
        {
            if (which?.Invoke(name) != false) writer.Tensor(name, shape, Values(name, shape));
        }
        return writer;
    }

    /// <summary>A whole model.</summary>
    public static byte[] Model() => Metadata().Tokens(Vocab).AddTensors().ToBytes();
}
