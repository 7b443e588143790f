using Engine.Devices;
using Engine.Execution;
using Engine.Memory;

namespace Engine.Models.Layers;

/// <summary>Causal self-attention over the paged cache, with grouped queries (Ainslie et al. 2023).</summary>
internal sealed class SelfAttention
{
    /// <summary>q, k and v of all heads, one above the other.</summary>
    public required Linear Qkv { get; init; }

    public required Linear Output { get; init; }

    /// <summary>Index of the layer in the KV memory.</summary>
    public required int KvLayer { get; init; }

    public required AttentionSettings Settings { get; init; }

    /// <summary>Null where a layer has no rotary positions.</summary>
    public Rope? Rope { get; init; }

    public Norm? QueryNorm { get; init; }

    public Norm? KeyNorm { get; init; }

    /// <summary>Norms of q and k follow the rotation (Hunyuan) instead of preceding it.</summary>
    public bool NormAfterRope { get; init; }

    /// <summary>Bounds q, k and v (clip_qkv); 0 is off.</summary>
    public float Clip { get; init; }

    /// <summary>y = attention(x), or y += attention(x).</summary>
    public void Forward(TensorView y, TensorView x, StepContext step, bool accumulate)
    {
        int queryWidth = Settings.NumHeads * Settings.HeadDim;
        int kvWidth = Settings.NumKvHeads * Settings.HeadDim;
        TensorView qkv = step.Wide(queryWidth + (2 * kvWidth));
        Qkv.Forward(qkv, x, step);
        if (Clip > 0) step.Device.Clamp(qkv, Clip);
        TensorView query = qkv.Slice(0, queryWidth);
        TensorView key = qkv.Slice(queryWidth, kvWidth);
        TensorView value = qkv.Slice(queryWidth + kvWidth, kvWidth);

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

        TensorView attended = step.Narrow(queryWidth);
        step.Device.Attention(
            attended, query, step.Kv, KvLayer, Settings, step.Inputs.AttentionBatch);
        Output.Forward(y, attended, step, accumulate);
    }

    private void NormHeads(TensorView query, TensorView key, StepContext step)
    {
        QueryNorm?.Forward(query, query, step);
        KeyNorm?.Forward(key, key, step);
    }
}
