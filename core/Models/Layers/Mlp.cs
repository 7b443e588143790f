using Engine.Devices;
using Engine.Execution;
using Engine.Memory;

namespace Engine.Models.Layers;

/// <summary>The feed-forward sublayer.</summary>
internal abstract class Mlp
{
    public required Linear Down { get; init; }

    /// <summary>y = mlp(x), or y += mlp(x).</summary>
    public abstract void Forward(TensorView y, TensorView x, StepContext step, bool accumulate);
}

/// <summary>down(act(gate(x)) * up(x)) (Shazeer 2020, GLU variants).</summary>
internal sealed class GatedMlp : Mlp
{
    /// <summary>gate above up.</summary>
    public required Linear GateUp { get; init; }

    public required Activation Activation { get; init; }

    public override void Forward(TensorView y, TensorView x, StepContext step, bool accumulate)
    {
        TensorView gateUp = step.Wide(GateUp.N);
        GateUp.Forward(gateUp, x, step);
        TensorView inner = step.Narrow(Down.K);
        step.Device.ActivateAndMultiply(inner, gateUp, Activation);
        Down.Forward(y, inner, step, accumulate);
    }
}

/// <summary>down(act(up(x))).</summary>
internal sealed class PlainMlp : Mlp
{
    public required Linear Up { get; init; }

    public required Activation Activation { get; init; }

    public override void Forward(TensorView y, TensorView x, StepContext step, bool accumulate)
    {
        TensorView inner = step.Narrow(Up.N);
        Up.Forward(inner, x, step);
        step.Device.Activate(inner, inner, Activation);
        Down.Forward(y, inner, step, accumulate);
    }
}

/// <summary>down(xielu(up(x))) with the curve's parameters learned per layer (Apertus).</summary>
internal sealed class XieluMlp : Mlp
{
    public required Linear Up { get; init; }

    public required (float AlphaP, float AlphaN, float Beta, float Epsilon) Curve { get; init; }

    public override void Forward(TensorView y, TensorView x, StepContext step, bool accumulate)
    {
        TensorView inner = step.Narrow(Up.N);
        Up.Forward(inner, x, step);
        step.Device.Xielu(inner, inner, Curve.AlphaP, Curve.AlphaN, Curve.Beta, Curve.Epsilon);
        Down.Forward(y, inner, step, accumulate);
    }
}
