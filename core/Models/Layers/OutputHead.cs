using Engine.Devices;
using Engine.Memory;

namespace Engine.Models.Layers;

/// <summary>Final hidden states to logits.</summary>
internal sealed class OutputHead
{
    /// <summary>[vocabSize, width]; null in a plan.</summary>
    public LinearWeight? Weight { get; set; }

    public DeviceBuffer? Bias { get; set; }

    /// <summary>Multiplies the logits (Cohere, Granite).</summary>
    public float Scale { get; init; } = 1;

    /// <summary>Caps the logits by tanh (Gemma 2); 0 is off.</summary>
    public float SoftCap { get; init; }

    /// <summary>logits [rows, vocabSize] of hidden [rows, width].</summary>
    public void Forward(TensorView logits, TensorView hidden, IDevice device)
    {
        device.Linear(logits, hidden, Weight!, Bias, accumulate: false);
        if (Scale != 1) device.Scale(logits, Scale);
        if (SoftCap > 0) device.SoftCap(logits, SoftCap);
    }
}
