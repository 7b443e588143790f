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

    /// <summary>[numTypes, hiddenSize] which text of a pair a token is of (BERT); null where there are none.</summary>
    public PositionTable? Types { get; init; }

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
        if (Positions is not null) Add(x, Positions, step.Inputs.Positions, step);
        if (Types is not null) Add(x, Types, step.Inputs.TokenTypeIds, step);
        Norm?.Forward(x, x, step);
    }

    private static void Add(TensorView x, PositionTable table, ReadOnlySpan<int> rows, StepContext step)
    {
        TensorView added = step.Temp(x.Columns);
        step.Device.Embed(added, table.Table!, rows, 1);
        step.Device.AddScaled(x, added);
    }
}

/// <summary>A learned vector per position, or per type of token.</summary>
internal sealed class PositionTable
{
    /// <summary>[rows, hiddenSize]; null in a plan.</summary>
    public LinearWeight? Table { get; set; }
}
