using Engine.Devices;
using Engine.Execution;
using Engine.Memory;

namespace Engine.Models.Layers;

/// <summary>y = x W^T + b.</summary>
internal sealed class Linear
{
    public required int N { get; init; }

    public required int K { get; init; }

    /// <summary>Set when the weight has been packed; null in a plan.</summary>
    public LinearWeight? Weight { get; set; }

    public DeviceBuffer? Bias { get; set; }

    public void Forward(TensorView y, TensorView x, StepContext step, bool accumulate = false) =>
        step.Device.Linear(y, x, Weight!, Bias, accumulate);
}
