using Engine.Devices;
using Engine.Execution;
using Engine.Memory;

namespace Engine.Models.Layers;

/// <summary>RMS norm (Zhang and Sennrich 2019) or layer norm (Ba et al. 2016), over a row or per head.</summary>
internal sealed class Norm
{
    public required bool IsLayerNorm { get; init; }

    /// <summary>Columns normed together.</summary>
    public required int Width { get; init; }

    public required float Epsilon { get; init; }

    /// <summary>[Width], or one weight per column when every head has its own.</summary>
    public DeviceBuffer? Weight { get; set; }

    public DeviceBuffer? Bias { get; set; }

    /// <summary>True if every head has its own weight.</summary>
    public bool PerGroupWeight { get; init; }

    public void Forward(TensorView y, TensorView x, StepContext step)
    {
        int groups = x.Columns / Width;
        if (IsLayerNorm)
        {
            step.Device.LayerNorm(y, x, Weight!, Bias, Epsilon, groups, PerGroupWeight);
        }
        else
        {
            step.Device.RmsNorm(y, x, Weight, Epsilon, 0, groups);
        }
    }
}
