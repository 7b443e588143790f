using Engine.Execution;
using Engine.Memory;

namespace Engine.Models.Layers;

/// <summary>One decoder layer: changes the residual stream x in place.</summary>
internal abstract class Block
{
    public required SelfAttention Attention { get; init; }

    public required Mlp Mlp { get; init; }

    public abstract void Forward(TensorView x, StepContext step);
}

/// <summary>
/// x += attention(norm(x)), then x += mlp(norm(x)). Each sublayer may be normed before (Llama), after
/// (OLMo 2) or both (Gemma 2); what it adds may be scaled (Granite).
/// </summary>
internal sealed class SequentialBlock : Block
{
    public Norm? AttentionNorm { get; init; }

    public Norm? AttentionOutputNorm { get; init; }

    public Norm? MlpNorm { get; init; }

    public Norm? MlpOutputNorm { get; init; }

    public float ResidualScale { get; init; } = 1;

    /// <summary>A third sublayer, which reads the layer's own embedding (Gemma 4).</summary>
    public LayerInput? LayerInput { get; init; }

    /// <summary>Multiplies the whole stream behind the layer (Gemma 4).</summary>
    public float OutputScale { get; init; } = 1;

    public override void Forward(TensorView x, StepContext step)
    {
        TensorView input = Normed(AttentionNorm, x, step);
        if (AddsDirectly(AttentionOutputNorm))
        {
            Attention.Forward(x, input, step, accumulate: true);
        }
        else
        {
            TensorView output = step.Temp(x.Columns);
            Attention.Forward(output, input, step, accumulate: false);
            Add(x, output, AttentionOutputNorm, step);
        }

        input = Normed(MlpNorm, x, step);
        if (AddsDirectly(MlpOutputNorm))
        {
            Mlp.Forward(x, input, step, accumulate: true);
        }
        else
        {
            TensorView output = step.Temp(x.Columns);
            Mlp.Forward(output, input, step, accumulate: false);
            Add(x, output, MlpOutputNorm, step);
        }

        LayerInput?.Forward(x, step);
        if (OutputScale != 1) step.Device.Scale(x, OutputScale);
    }

    private static TensorView Normed(Norm? norm, TensorView x, StepContext step)
    {
        if (norm is null) return x;
        TensorView y = step.Normed(x.Columns);
        norm.Forward(y, x, step);
        return y;
    }

    private bool AddsDirectly(Norm? outputNorm) => outputNorm is null && ResidualScale == 1;

    private void Add(TensorView x, TensorView output, Norm? norm, StepContext step)
    {
        norm?.Forward(output, output, step);
        step.Device.AddScaled(x, output, ResidualScale);
    }
}

/// <summary>x += attention(norm(x)) + mlp(norm(x)): both see the same x (GPT-J, Black et al. 2022).</summary>
internal sealed class ParallelBlock : Block
{
    public required Norm AttentionNorm { get; init; }

    /// <summary>Null where both sublayers share one norm.</summary>
    public Norm? MlpNorm { get; init; }

    public override void Forward(TensorView x, StepContext step)
    {
        TensorView attentionInput = step.Normed(x.Columns);
        AttentionNorm.Forward(attentionInput, x, step);
        TensorView mlpInput = attentionInput;
        if (MlpNorm is not null)
        {
            mlpInput = step.Temp(x.Columns);
            MlpNorm.Forward(mlpInput, x, step);
        }
        Attention.Forward(x, attentionInput, step, accumulate: true);
        Mlp.Forward(x, mlpInput, step, accumulate: true);
    }
}

/// <summary>x = norm(x + attention(x)), then x = norm(x + mlp(x)) (Vaswani et al. 2017; OPT-350M).</summary>
internal sealed class PostNormBlock : Block
{
    public required Norm AttentionNorm { get; init; }

    public required Norm MlpNorm { get; init; }

    public override void Forward(TensorView x, StepContext step)
    {
        // x is read before the output projection adds to it, so input and output may be the same.
        Attention.Forward(x, x, step, accumulate: true);
        AttentionNorm.Forward(x, x, step);
        Mlp.Forward(x, x, step, accumulate: true);
        MlpNorm.Forward(x, x, step);
    }
}
