using Engine.Execution;
using Engine.Memory;
using Engine.Models.Layers;

namespace Engine.Models;

/// <summary>A decoder-only transformer, composed by a file of Architectures/.</summary>
internal sealed class DecoderModel
{
    public required TokenEmbedding Embedding { get; init; }

    /// <summary>What each layer gets of a token besides (Gemma 4); null where layers get nothing.</summary>
    public LayerEmbedding? LayerEmbedding { get; init; }

    public required IReadOnlyList<Block> Blocks { get; init; }

    /// <summary>Null where the last block's norm is the final one (OPT-350M).</summary>
    public Norm? FinalNorm { get; init; }

    /// <summary>From the model's width to the embedding's (OPT-350M).</summary>
    public Linear? OutputProjection { get; init; }

    public required OutputHead Head { get; init; }

    public required int HiddenSize { get; init; }

    /// <summary>Width of what Head reads.</summary>
    public int OutputWidth => OutputProjection?.N ?? HiddenSize;

    /// <summary>Computes the step's tokens and returns what Head reads: [numTokens, OutputWidth].</summary>
    public TensorView Forward(StepContext step)
    {
        TensorView x = step.Hidden(HiddenSize);
        Embedding.Forward(x, step);
        LayerEmbedding?.Forward(x, step);
        for (int i = 0; i < Blocks.Count; i++) Blocks[i].Forward(x, step);
        FinalNorm?.Forward(x, x, step);
        if (OutputProjection is null) return x;
        TensorView projected = step.Temp(OutputWidth);
        OutputProjection.Forward(projected, x, step);
        return projected;
    }
}
