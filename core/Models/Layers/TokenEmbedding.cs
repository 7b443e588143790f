using Engine.Devices;
using Engine.Execution;
using Engine.Memory;

namespace Engine.Models.Layers;

/// <summary>Token ids to the residual stream.</summary>
internal sealed class TokenEmbedding
{
    /// <summary>[vocabSize, width]; null in a plan.</summary>
    public LinearWeight? Table { get; set; }

    public required int Width { get; init; }

    /// <summary>Multiplies every row (Gemma, Granite).</summary>
    public float Scale { get; init; } = 1;

    /// <summary>[maxPositions, hiddenSize] learned positions; null where there are none.</summary>
    public PositionTable? Positions { get; init; }

    /// <summary>Norm right behind the embedding (Bloom).</summary>
    public Norm? Norm { get; init; }

    /// <summary>From the embedding's width to the model's (OPT-350M).</summary>
    public Linear? Projection { get; init; }

    public void Forward(TensorView x, StepContext step)
    {
        if (Projection is null)
        {
            step.Device.Embed(x, Table!, step.Inputs.TokenIds, Scale);
        }
        else
        {
            TensorView narrow = step.Normed(Width);
            step.Device.Embed(narrow, Table!, step.Inputs.TokenIds, Scale);
            Projection.Forward(x, narrow, step);
        }
        if (Positions is not null)
        {
            TensorView positions = step.Temp(x.Columns);
            step.Device.Embed(positions, Positions.Table!, step.Inputs.Positions, 1);
            step.Device.AddScaled(x, positions);
        }
        Norm?.Forward(x, x, step);
    }
}

/// <summary>Learned positions.</summary>
internal sealed class PositionTable
{
    /// <summary>[maxPositions, hiddenSize]; null in a plan.</summary>
    public LinearWeight? Table { get; set; }
}
