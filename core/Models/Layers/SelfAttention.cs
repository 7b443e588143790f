using Engine.Devices;
using Engine.Execution;
using Engine.Memory;

namespace Engine.Models.Layers;

/// <summary>Causal self-attention over the paged cache, with grouped queries (Ainslie et al. 2023).</summary>
internal sealed class SelfAttention
{
    /// <summary>q, k and v of all heads, one above the other, less what KeyIsValue and ReadsKv leave out.</summary>
    public required Linear Qkv { get; init; }

    public required Linear Output { get; init; }

    /// <summary>Index of the layer in the KV memory.</summary>
    public required int KvLayer { get; init; }

    public required AttentionSettings Settings { get; init; }

    /// <summary>Null where a layer has no rotary positions.</summary>
    public Rope? Rope { get; init; }

    public Norm? QueryNorm { get; init; }

    public Norm? KeyNorm { get; init; }

    public Norm? ValueNorm { get; init; }

    /// <summary>A value is ValueNorm of its key as it was projected (Gemma 4).</summary>
    public bool KeyIsValue { get; init; }

    /// <summary>An earlier layer has left keys and values in KvLayer (Gemma 4; Brandon et al. 2024).</summary>
    public bool ReadsKv { get; init; }

    /// <summary>Norms of q and k follow the rotation (Hunyuan) instead of preceding it.</summary>
    public bool NormAfterRope { get; init; }

    /// <summary>Bounds q, k and v (clip_qkv); 0 is off.</summary>
    public float Clip { get; init; }

    /// <summary>y = attention(x), or y += attention(x).</summary>
    public void Forward(TensorView y, TensorView x, StepContext step, bool accumulate)
    {
        int queryWidth = Settings.NumHeads * Settings.HeadDim;
        int kvWidth = ReadsKv ? 0 : Settings.NumKvHeads * Settings.HeadDim;
        TensorView qkv = step.Wide(queryWidth + (2 * kvWidth));
        TensorView projected = qkv.Slice(0, Qkv.N);
        Qkv.Forward(projected, x, step);
        if (Clip > 0) step.Device.Clamp(projected, Clip);
        TensorView query = qkv.Slice(0, queryWidth);
        if (ReadsKv)
        {
            if (!NormAfterRope) QueryNorm?.Forward(query, query, step);
            Rope?.Forward(query, step);
            if (NormAfterRope) QueryNorm?.Forward(query, query, step);
        }
        else
        {
            Write(query, qkv.Slice(queryWidth, kvWidth), qkv.Slice(queryWidth + kvWidth, kvWidth), step);
        }

        TensorView attended = step.Narrow(queryWidth);
        step.Device.Attention(
            attended, query, step.Kv, KvLayer, Settings, step.Inputs.AttentionBatch);
        Output.Forward(y, attended, step, accumulate);
    }

    private void Write(TensorView query, TensorView key, TensorView value, StepContext step)
    {
        ValueNorm?.Forward(value, KeyIsValue ? key : value, step);
        if (!NormAfterRope) NormHeads(query, key, step);
        if (Rope is not null && !NormAfterRope)
        {
            step.Device.RopeAndWriteKv(
                query, key, value, Rope.Tables, step.Inputs.Positions, step.Kv, KvLayer, step.Inputs.SlotMapping);
        }
        else
        {
            Rope?.Forward(query, key, step);
            if (NormAfterRope) NormHeads(query, key, step);
            step.Device.WriteKv(step.Kv, KvLayer, key, value, step.Inputs.SlotMapping);
        }
    }

    private void NormHeads(TensorView query, TensorView key, StepContext step)
    {
        QueryNorm?.Forward(query, query, step);
        KeyNorm?.Forward(key, key, step);
    }
}
