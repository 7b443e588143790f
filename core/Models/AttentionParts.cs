using Engine.Devices;
using Engine.Models.Layers;

namespace Engine.Models;

/// <summary>What differs between the attentions of families; the rest is as in Llama.</summary>
internal sealed record AttentionParts
{
    public Rope? Rope { get; init; }

    public Norm? QueryNorm { get; init; }

    public Norm? KeyNorm { get; init; }

    public bool NormAfterRope { get; init; }

    /// <summary>Null is headDim to the power of -1/2.</summary>
    public float? Scale { get; init; }

    public int SlidingWindow { get; init; }

    public float SoftCap { get; init; }

    public DeviceBuffer? AlibiSlopes { get; init; }

    public float Clip { get; init; }

    /// <summary>Encoders: a token sees both sides, SlidingWindow tokens to each if that is not 0.</summary>
    public bool IsBidirectional { get; init; }

    public int? NumKvHeads { get; init; }

    /// <summary>Where layers differ in it.</summary>
    public int? HeadDim { get; init; }

    /// <summary>Per head.</summary>
    public Norm? ValueNorm { get; init; }

    /// <summary>No v: a value is its key before norm and rotation. Needs ValueNorm.</summary>
    public bool KeyIsValue { get; init; }

    /// <summary>Keys and values are those of this earlier layer of the KV memory; there is no k and v.</summary>
    public int? KvLayer { get; init; }

    /// <summary>Later layers attend to this one's keys and values.</summary>
    public bool IsShared { get; init; }
}
