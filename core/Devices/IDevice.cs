using Engine.Execution;
using Engine.Memory;

namespace Engine.Devices;

/// <summary>
/// The operations a forward pass is written in. Activations are rows of one token each; all of a
/// step's requests are concatenated. Every row of a result depends on that row's inputs alone and is
/// computed in the same order of operations whatever the number of rows, so that output cannot depend
/// on the batch. Implementations: Reference (C#, double accumulation), Cpu (native kernels)
/// and Cuda (NVIDIA GPUs).
/// </summary>
public interface IDevice : IDisposable
{
    /// <summary>For people and metrics: "cpu (avx512-vnni, 2 threads)".</summary>
    string Name { get; }

    /// <summary>Element type of activations (F32 on a CPU).</summary>
    DType ActivationType { get; }

    /// <summary>True if the host reads and writes this device's memory by its address.</summary>
    bool IsHostMemory => true;

    /// <summary>True if several threads may call at once; else callers take turns.</summary>
    bool AllowsConcurrentCalls => false;

    /// <summary>True if Embed also takes what PackLinear made, so that tied weights are held once.</summary>
    bool EmbedsPackedLinear => false;

    /// <summary>Zeroed memory, 64-byte aligned. Throws OutOfMemory.</summary>
    DeviceBuffer Allocate(long bytes);

    /// <summary>Announces the bytes of all weights, so that they lie in one allocation. Throws OutOfMemory.</summary>
    void ReserveWeights(long bytes)
    {
    }

    /// <summary>What is free where weights and caches go, and how much there is in all.</summary>
    DeviceMemory Memory()
    {
        long free = FreeMemory.Bytes();
        return new DeviceMemory(free, free);
    }

    /// <summary>Bytes that KV blocks may take where no option says so.</summary>
    /// <param name="memory">What is free and there.</param>
    /// <param name="utilization">Share of a GPU's memory that may be filled.</param>
    /// <param name="weightBytes">Weights that are still to come.</param>
    /// <param name="stepBytes">Activations and what else a runner's steps take, still to come.</param>
    long KvMemory(DeviceMemory memory, double utilization, long weightBytes, long stepBytes) =>
        KvCacheMemory.Default(memory.FreeBytes - weightBytes);

    /// <summary>Bytes that CreateStep will use.</summary>
    long StepBytes(StepLimits limits, KvStorageShape shape) => 0;

    /// <summary>What the device keeps for a runner's steps; null if it needs nothing.</summary>
    DeviceStep? CreateStep(StepLimits limits, KvStorage storage) => null;

    /// <summary>Copies a small vector (norm weight, bias, rope table) as f32.</summary>
    DeviceBuffer Upload(ReadOnlySpan<float> values);

    /// <summary>Packs a weight for this device's matrix kernels; the source is not kept.</summary>
    LinearWeight PackLinear(LinearSource source);

    /// <summary>Bytes PackLinear will use for such a source, from shape and format alone.</summary>
    long PackedLinearBytes(LinearSource source);

    /// <summary>Makes an embedding table [vocab, columns] that Embed reads rows from.</summary>
    LinearWeight PackEmbedding(LinearSource source);

    /// <summary>Bytes PackEmbedding will use for such a source, from shape and format alone.</summary>
    long PackedEmbeddingBytes(LinearSource source) =>
        (long)source.N * source.K * source.ComputeType.SizeOf();

    /// <summary>Paged KV memory for every layer of a model.</summary>
    KvStorage CreateKvStorage(KvStorageShape shape, int numBlocks);

    /// <summary>Bytes of one block over all layers, from the shape alone.</summary>
    long KvBlockBytes(KvStorageShape shape);

    /// <summary>y[t] = table[ids[t]] * scale.</summary>
    void Embed(TensorView y, LinearWeight table, ReadOnlySpan<int> ids, float scale);

    /// <summary>y = x W^T (+ bias) (+ y if accumulate). x [rows, K], W [N, K], y [rows, N].</summary>
    void Linear(TensorView y, TensorView x, LinearWeight weight, DeviceBuffer? bias, bool accumulate);

    /// <summary>y = x / rms(x) * (weight + weightOffset), per run of n columns when groups &gt; 1.</summary>
    /// <param name="y">[rows, groups * n]; may alias x.</param>
    /// <param name="x">[rows, groups * n].</param>
    /// <param name="weight">[n] f32, or null for none.</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <param name="weightOffset">0, or 1 for Gemma.</param>
    /// <param name="groups">1, or the number of heads for a norm per head.</param>
    void RmsNorm(
        TensorView y, TensorView x, DeviceBuffer? weight, float epsilon, float weightOffset = 0, int groups = 1);

    /// <summary>y = (x - mean) / std * weight + bias; weight [groups * n] when perGroupWeight, else [n].</summary>
    void LayerNorm(
        TensorView y, TensorView x, DeviceBuffer weight, DeviceBuffer? bias, float epsilon,
        int groups = 1, bool perGroupWeight = false);

    /// <summary>y += x * scale.</summary>
    void AddScaled(TensorView y, TensorView x, float scale = 1f);

    /// <summary>x *= scale.</summary>
    void Scale(TensorView x, float scale);

    /// <summary>x = cap * tanh(x / cap).</summary>
    void SoftCap(TensorView x, float cap);

    /// <summary>y = act(x), no gate.</summary>
    void Activate(TensorView y, TensorView x, Activation activation);

    /// <summary>y = act(gateUp[:, :n]) * gateUp[:, n:]. gateUp [rows, 2n], y [rows, n].</summary>
    void ActivateAndMultiply(TensorView y, TensorView gateUp, Activation activation);

    /// <summary>xIELU (Huang and Schlag 2025): alphaP x^2 + beta x for x above 0, else
    /// alphaN (expm1(min(x, epsilon)) - x) + beta x. Apertus; off the main path, so plain by default.</summary>
    void Xielu(TensorView y, TensorView x, float alphaP, float alphaN, float beta, float epsilon) =>
        HostOperations.Xielu(y, x, alphaP, alphaN, beta, epsilon);

    /// <summary>x = min(max(x, -limit), limit) (clip_qkv). Off the main path, so plain by default.</summary>
    void Clamp(TensorView x, float limit) => HostOperations.Clamp(x, limit);

    /// <summary>Rotates heads in place. cosSin is f32 [maxPositions, rotaryDim]: cos half, then sin half.</summary>
    /// <param name="x">[rows, numHeads * headDim].</param>
    /// <param name="positions">[rows].</param>
    /// <param name="cosSin">The table; a scale on cos and sin (yarn, longrope) is in it already.</param>
    /// <param name="headDim">Width of a head.</param>
    /// <param name="rotaryDim">Leading part of each head that turns.</param>
    /// <param name="interleaved">True: pairs (2i, 2i+1) (GPT-J); false: (i, i + rotaryDim/2) (NeoX).</param>
    void Rope(
        TensorView x, ReadOnlySpan<int> positions, DeviceBuffer cosSin, int headDim, int rotaryDim,
        bool interleaved);

    /// <summary>Writes this step's K and V rows into the paged cache. slotMapping -1 is skipped.</summary>
    void WriteKv(
        KvStorage storage, int layer, TensorView key, TensorView value, ReadOnlySpan<int> slotMapping);

    /// <summary>Rotates query in place, and key on its way into the cache: Rope, Rope and WriteKv with the same bits.
    /// What is in key afterwards is not said.</summary>
    /// <param name="query">[rows, numHeads * headDim].</param>
    /// <param name="key">[rows, numKvHeads * headDim].</param>
    /// <param name="value">As key.</param>
    /// <param name="rope">How.</param>
    /// <param name="positions">[rows].</param>
    /// <param name="storage">The cache.</param>
    /// <param name="layer">Of the cache.</param>
    /// <param name="slotMapping">[rows].</param>
    void RopeAndWriteKv(
        TensorView query, TensorView key, TensorView value, in RopeTables rope, ReadOnlySpan<int> positions,
        KvStorage storage, int layer, ReadOnlySpan<int> slotMapping)
    {
        Rope(query, positions, rope.Query, rope.HeadDim, rope.RotaryDim, rope.Interleaved);
        Rope(key, positions, rope.Key, rope.HeadDim, rope.RotaryDim, rope.Interleaved);
        WriteKv(storage, layer, key, value, slotMapping);
    }

    /// <summary>Causal attention of this step's queries over the paged cache.</summary>
    void Attention(
        TensorView output, TensorView query, KvStorage storage, int layer, in AttentionSettings settings,
        in AttentionBatch batch);

    /// <summary>y[i] = x[rowIndices[i]].</summary>
    void GatherRows(TensorView y, TensorView x, ReadOnlySpan<int> rowIndices);

    /// <summary>Copies whole blocks in every layer (copy-on-write); pairs do not overlap.</summary>
    void CopyBlocks(KvStorage storage, ReadOnlySpan<BlockCopy> copies);

    /// <summary>Copies rows to host memory as f32 and waits for it.</summary>
    void Download(Span<float> destination, TensorView source);
}

/// <summary>Memory of a device.</summary>
/// <param name="FreeBytes">Free now.</param>
/// <param name="TotalBytes">In all.</param>
public readonly record struct DeviceMemory(long FreeBytes, long TotalBytes);

/// <summary>Element-wise functions of an MLP.</summary>
public enum Activation
{
    /// <summary>x * sigmoid(x).</summary>
    Silu,

    /// <summary>Exact gelu (erf).</summary>
    Gelu,

    /// <summary>Gelu by tanh (gelu_pytorch_tanh, gelu_new).</summary>
    GeluTanh,

    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>max(x, 0) squared.</summary>
    ReluSquared,
}

/// <summary>One block to copy to another.</summary>
public readonly record struct BlockCopy(int Source, int Destination);

/// <summary>What attention of one layer is like.</summary>
/// <param name="NumHeads">Query heads.</param>
/// <param name="NumKvHeads">Key and value heads.</param>
/// <param name="HeadDim">Width of a head.</param>
/// <param name="Scale">Multiplies the scores.</param>
/// <param name="SlidingWindow">A token sees itself and this many minus one before it; 0 is all.</param>
/// <param name="SoftCap">Caps scores by tanh; 0 is off.</param>
/// <param name="AlibiSlopes">[NumHeads] f32: slope * (keyPosition - queryPosition) is added to the scaled
/// score; null is off (Press et al. 2021).</param>
/// <param name="IsBidirectional">A token also sees those behind it, which must be of the same step. The window then
/// reaches SlidingWindow tokens to each side. Not with ALiBi.</param>
public readonly record struct AttentionSettings(
    int NumHeads, int NumKvHeads, int HeadDim, float Scale, int SlidingWindow = 0, float SoftCap = 0,
    DeviceBuffer? AlibiSlopes = null, bool IsBidirectional = false);

/// <summary>Where this step's queries lie and which blocks they see.</summary>
public readonly ref struct AttentionBatch
{
    /// <summary>[batch + 1]: first query row of each request.</summary>
    public ReadOnlySpan<int> CuSeqlensQ { get; init; }

    /// <summary>[batch]: tokens whose KV exists after this step's WriteKv.</summary>
    public ReadOnlySpan<int> ContextLens { get; init; }

    /// <summary>[batch, MaxBlocksPerRequest] block ids.</summary>
    public ReadOnlySpan<int> BlockTables { get; init; }

    /// <summary>Row stride of BlockTables.</summary>
    public int MaxBlocksPerRequest { get; init; }
}
