namespace Engine.Execution;

/// <summary>Widths of the activations that a model needs, per token.</summary>
internal sealed class ActivationShape
{
    /// <summary>Width of the residual stream.</summary>
    public int Hidden { get; private set; }

    /// <summary>Widest fused projection (q, k, v or gate, up).</summary>
    public int Wide { get; private set; }

    /// <summary>Widest input of an output projection (heads, or the MLP's inner width).</summary>
    public int Narrow { get; private set; }

    /// <summary>What the layers get of a token besides the residual stream; 0 where they get nothing.</summary>
    public int LayerInputs { get; private set; }

    public int FloatsPerToken => (3 * Hidden) + Wide + Narrow + LayerInputs;

    public void NeedHidden(int width) => Hidden = Math.Max(Hidden, width);

    public void NeedWide(int width) => Wide = Math.Max(Wide, width);

    public void NeedNarrow(int width) => Narrow = Math.Max(Narrow, width);

    public void NeedLayerInputs(int width) => LayerInputs = Math.Max(LayerInputs, width);
}
