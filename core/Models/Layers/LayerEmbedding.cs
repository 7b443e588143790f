using Engine.Devices;
using Engine.Execution;
using Engine.Memory;

namespace Engine.Models.Layers;

/// <summary>
/// What every layer gets of a token: a row of a table and a projection of the token's embedding, for all layers at
/// once (Gemma 4).
/// </summary>
internal sealed class LayerEmbedding
{
    /// <summary>[vocabSize, NumLayers * Width]; null in a plan.</summary>
    public LinearWeight? Table { get; set; }

    public required int NumLayers { get; init; }

    /// <summary>Columns of a layer.</summary>
    public required int Width { get; init; }

    /// <summary>Multiplies the rows of the table.</summary>
    public required float Scale { get; init; }

    /// <summary>From the embedding to all layers.</summary>
    public required Linear Projection { get; init; }

    /// <summary>Of each layer's columns of the projection.</summary>
    public required Norm Norm { get; init; }

    /// <summary>Multiplies the sum of both.</summary>
    public required float SumScale { get; init; }

    public void Forward(TensorView x, StepContext step)
    {
        TensorView inputs = step.LayerInputs((NumLayers + 1) * Width).Slice(Width, NumLayers * Width);
        Projection.Forward(inputs, x, step);
        Norm.Forward(inputs, inputs, step);
        TensorView rows = step.Wide(NumLayers * Width);
        step.Device.Embed(rows, Table!, step.Inputs.TokenIds, Scale);
        step.Device.AddScaled(inputs, rows);
        step.Device.Scale(inputs, SumScale);
    }
}

/// <summary>x += norm(projection(act(gate(x)) * the layer's columns of LayerEmbedding)).</summary>
internal sealed class LayerInput
{
    public required LayerEmbedding Embedding { get; init; }

    public required int Layer { get; init; }

    public required Linear Gate { get; init; }

    public required Linear Projection { get; init; }

    public required Norm Norm { get; init; }

    public required Activation Activation { get; init; }

    public void Forward(TensorView x, StepContext step)
    {
        // Columns lie one layer further on than their number says: the gate takes the place of the layer before, which
        // is done with, and is then beside what it opens, as ActivateAndMultiply wants it.
        int width = Embedding.Width;
        TensorView gated = step.LayerInputs((Embedding.NumLayers + 1) * width).Slice(Layer * width, 2 * width);
        Gate.Forward(gated.Slice(0, width), x, step);
        TensorView inner = step.Narrow(width);
        step.Device.ActivateAndMultiply(inner, gated, Activation);
        TensorView output = step.Temp(x.Columns);
        Projection.Forward(output, inner, step);
        Norm.Forward(output, output, step);
        step.Device.AddScaled(x, output);
    }
}
