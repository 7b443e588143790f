using Engine.Devices;
using Engine.Execution;
using Engine.Loading;
using Engine.Memory;
using Engine.Models.Layers;

namespace Engine.Models;

/// <summary>
/// What an architecture composes its layers with. Run as a plan it only counts bytes; run for real it
/// collects the weights to pack, so that both see the same model.
/// </summary>
internal sealed partial class ModelBuilder
{
    private readonly List<PackJob> _jobs = [];
    private readonly List<IDisposable> _owned = [];
    private readonly List<int> _freeKvLayers = [];
    private LinearSource? _embedding;
    private PackJob? _embeddingJob;

    public ModelBuilder(
        ModelConfig config, IDevice device, WeightSource weights, DType computeType, bool isPlan)
    {
        Config = config;
        Device = device;
        Weights = weights;
        ComputeType = computeType;
        IsPlan = isPlan;
    }

    public ModelConfig Config { get; }

    public ConfigJson Json => Config.Json;

    public IDevice Device { get; }

    public WeightSource Weights { get; }

    public DType ComputeType { get; }

    /// <summary>Nothing is read, packed or uploaded.</summary>
    public bool IsPlan { get; }

    /// <summary>Only the final hidden states are wanted.</summary>
    public bool IsForPooling => Config.Purpose == ModelPurpose.Pool;

    public ActivationShape Activations { get; } = new();

    /// <summary>Per layer: KV heads and their width.</summary>
    public List<(int NumKvHeads, int HeadDim)> KvLayers { get; } = [];

    /// <summary>KV memory of one more layer.</summary>
    /// <param name="numKvHeads">KV heads.</param>
    /// <param name="headDim">Their width.</param>
    /// <param name="isShared">Later layers read it.</param>
    public int KvLayer(int numKvHeads, int headDim, bool isShared = false)
    {
        // Pooling computes a text in one step: a layer's keys are of no use once the layer and those that share them
        // are done.
        int free = IsForPooling && !isShared ? _freeKvLayers.FindIndex(i => KvLayers[i] == (numKvHeads, headDim)) : -1;
        if (free >= 0) return _freeKvLayers[free];
        KvLayers.Add((numKvHeads, headDim));
        if (!isShared) _freeKvLayers.Add(KvLayers.Count - 1);
        return KvLayers.Count - 1;
    }

    /// <summary>Bytes of packed weights and uploaded vectors, from shapes alone.</summary>
    public long PlannedBytes { get; private set; }

    /// <summary>Stored parameters: matrices, norms and biases; tied ones once.</summary>
    public long NumParameters { get; private set; }

    /// <summary>Width of what the output matrix reads.</summary>
    public int OutputWidth => _embedding!.K;

    /// <summary>Weights to pack.</summary>
    public IReadOnlyList<PackJob> Jobs => _jobs;

    /// <summary>Uploaded vectors, owned by the model.</summary>
    public IReadOnlyList<IDisposable> Owned => _owned;

    /// <summary>Tied weights take no lm_head.</summary>
    public bool IsTied { get; private set; }

    public WeightScope Scope(string prefix) => new(this, prefix);

    /// <summary>A scope whose prefix some checkpoints leave out ("transformer.").</summary>
    public WeightScope OptionalScope(string prefix) => new(this, Weights.HasPrefix(prefix) ? prefix : "");

    /// <summary>The blocks of all layers.</summary>
    public List<Block> Layers(WeightScope scope, string name, Func<WeightScope, int, Block> build)
    {
        List<Block> blocks = [];
        for (int i = 0; i < Config.NumLayers; i++) blocks.Add(build(scope.Scope($"{name}.{i}."), i));
        return blocks;
    }

    /// <summary>Rotary positions of the whole head or of partial_rotary_factor of it.</summary>
    /// <param name="settings">Null is the model's own.</param>
    /// <param name="interleaved">Pairs (2i, 2i + 1).</param>
    /// <param name="rotaryDim">Null is by partial_rotary_factor.</param>
    /// <param name="queryScale">Factor on queries by position; null is none.</param>
    /// <param name="headDim">Width of a head, where layers differ in it.</param>
    public Rope Rope(
        RopeSettings? settings = null, bool interleaved = false, int? rotaryDim = null,
        Func<int, double>? queryScale = null, int? headDim = null)
    {
        settings ??= Config.Rope();
        int width = headDim ?? Config.HeadDim;
        // Proportional: pairs are those of the whole head.
        double share = settings.Type == "proportional" ? 1 : settings.PartialRotaryFactor ?? 1;
        int dim = rotaryDim ?? (int)(width * share);
        if (dim < 2 || dim % 2 != 0 || dim > width)
        {
            throw Json.Bad("partial_rotary_factor", $"an even width within head_dim {width}", $"{dim}");
        }
        return new Rope
        {
            HeadDim = width,
            RotaryDim = dim,
            Interleaved = interleaved,
            Table = RopeVector(settings, dim, null),
            QueryTable = queryScale is null ? null : RopeVector(settings, dim, queryScale),
        };
    }

    /// <summary>The table of token embeddings, [vocabSize, width].</summary>
    public TokenEmbedding Embedding(
        WeightScope scope, string name, float scale = 1, int? width = null, PositionTable? positions = null,
        Norm? norm = null, Linear? projection = null, PositionTable? types = null)
    {
        int columns = width ?? Config.HiddenSize;
        TokenEmbedding embedding = new()
        {
            Width = columns,
            Scale = FloatBits.Round(scale, ComputeType),
            Positions = positions,
            Types = types,
            Norm = norm,
            Projection = projection,
        };
        Activations.NeedHidden(columns);
        Activations.NeedHidden(Config.HiddenSize);
        _embedding = Source(scope.Tensor($"{name}.weight", Config.VocabSize, columns));
        _embeddingJob = new PackJob(_embedding, true, w => embedding.Table = w);
        _jobs.Add(_embeddingJob);
        Count(_embedding);
        PlannedBytes += Device.PackedEmbeddingBytes(_embedding);
        return embedding;
    }

    /// <summary>The table of what every layer gets of a token, [rows, columns].</summary>
    public void AddTable(SafetensorsTensor tensor, Action<LinearWeight> set)
    {
        LinearSource source = Source(tensor);
        source.IsTable = true;
        _jobs.Add(new PackJob(source, true, set));
        Count(source);
        PlannedBytes += Device.PackedEmbeddingBytes(source);
    }

    /// <summary>A table of learned positions.</summary>
    /// <param name="scope">Where.</param>
    /// <param name="name">Of the tensor, less ".weight".</param>
    /// <param name="rows">Rows of the tensor.</param>
    /// <param name="offset">Row of position 0.</param>
    public PositionTable Positions(WeightScope scope, string name, int rows, int offset = 0)
    {
        PositionTable table = new();
        SafetensorsTensor t = scope.Tensor($"{name}.weight", rows, Config.HiddenSize);
        LinearPart part = Part(t, offset, rows - offset);
        LinearSource source = new() { Parts = [part], ComputeType = ComputeType };
        _jobs.Add(new PackJob(source, true, w => table.Table = w));
        Count(source);
        PlannedBytes += Device.PackedEmbeddingBytes(source);
        return table;
    }

    /// <summary>The output matrix: the embedding again if tied, else a weight of its own.</summary>
    public OutputHead Head(
        bool tied, string name = "lm_head", bool bias = false, float scale = 1, float softCap = 0)
    {
        OutputHead head = new() { Scale = scale, SoftCap = softCap };
        if (IsForPooling) return head;
        IsTied = tied;
        if (tied)
        {
            _embedding!.IsOutput = true;
            _embedding.PreferredRounding = Weights.OutputRounding;
            _embedding.IsAmongRounded = Weights.IsRounded;
        }
        if (tied && Device.EmbedsPackedLinear)
        {
            // One copy serves both; it is packed as a matrix.
            PlannedBytes += Device.PackedLinearBytes(_embedding!) - Device.PackedEmbeddingBytes(_embedding!);
            _jobs.Remove(_embeddingJob!);
            _jobs.Add(new PackJob(_embedding!, false, _embeddingJob!.Set + (w => head.Weight = w)));
            return head;
        }
        LinearSource source = tied
            ? _embedding!
            : Source(Scope("").Tensor($"{name}.weight", Config.VocabSize, _embedding!.K));
        source.IsOutput = true;
        source.PreferredRounding = Weights.OutputRounding;
        source.IsAmongRounded = Weights.IsRounded;
        if (bias) head.Bias = Vector(Scope("").Tensor($"{name}.bias", Config.VocabSize));
        AddLinear(source, w => head.Weight = w, isTied: tied);
        return head;
    }

    /// <summary>Is the head tied? As config.json says, else the family's default.</summary>
    public bool Tied(bool familyDefault) => Json.Bool("tie_word_embeddings", familyDefault);

    private void Count(LinearSource source) => NumParameters += (long)source.N * source.K;

    private DeviceBuffer? RopeVector(RopeSettings settings, int dim, Func<int, double>? rowScale)
    {
        long floats = (long)Config.MaxModelLen * dim;
        PlannedBytes += floats * sizeof(float);
        if (IsPlan) return null;
        if (floats > Array.MaxLength)
        {
            throw EngineException.Invalid("max_model_len", $"{Config.MaxModelLen} positions are too many for a rope table");
        }
        return Own(Device.Upload(RopeTable.Build(settings, Config, dim, Config.MaxModelLen, rowScale)));
    }

    private DeviceBuffer Own(DeviceBuffer buffer)
    {
        _owned.Add(buffer);
        return buffer;
    }
}

/// <summary>A weight to pack, and where it goes.</summary>
internal sealed record PackJob(LinearSource Source, bool IsEmbedding, Action<LinearWeight> Set)
{
    public long SourceBytes => LinearWindows.StoredBytes(Source);
}
