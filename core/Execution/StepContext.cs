using Engine.Devices;
using Engine.Memory;

namespace Engine.Execution;

/// <summary>
/// What a forward pass works with: the step's inputs, the KV memory and the activations. Activations are
/// named by what fits in them, made once for the largest step, and reused by every layer.
/// </summary>
internal sealed class StepContext : IDisposable
{
    private readonly DeviceBuffer _hidden;
    private readonly DeviceBuffer _normed;
    private readonly DeviceBuffer _temp;
    private readonly DeviceBuffer _wide;
    private readonly DeviceBuffer _narrow;

    public StepContext(
        IDevice device, ActivationShape shape, KvStorage kv, StepInputs inputs, int maxNumTokens)
    {
        Device = device;
        Kv = kv;
        Inputs = inputs;
        _hidden = Allocate(shape.Hidden);
        _normed = Allocate(shape.Hidden);
        _temp = Allocate(shape.Hidden);
        _wide = Allocate(shape.Wide);
        _narrow = Allocate(shape.Narrow);

        DeviceBuffer Allocate(int width) => device.Allocate(
            (long)maxNumTokens * width * device.ActivationType.SizeOf());
    }

    public IDevice Device { get; }

    public KvStorage Kv { get; }

    public StepInputs Inputs { get; }

    /// <summary>Bytes of the activations.</summary>
    public long Bytes => _hidden.Bytes + _normed.Bytes + _temp.Bytes + _wide.Bytes + _narrow.Bytes;

    /// <summary>[numTokens, width] the residual stream.</summary>
    public TensorView Hidden(int width) => View(_hidden, width);

    /// <summary>[numTokens, width] a sublayer's input.</summary>
    public TensorView Normed(int width) => View(_normed, width);

    /// <summary>[numTokens, width] a sublayer's output before it joins the residual stream.</summary>
    public TensorView Temp(int width) => View(_temp, width);

    /// <summary>[numTokens, width] a fused projection, inside a sublayer.</summary>
    public TensorView Wide(int width) => View(_wide, width);

    /// <summary>[numTokens, width] the input of a sublayer's output projection.</summary>
    public TensorView Narrow(int width) => View(_narrow, width);

    public void Dispose()
    {
        _hidden.Dispose();
        _normed.Dispose();
        _temp.Dispose();
        _wide.Dispose();
        _narrow.Dispose();
    }

    private TensorView View(DeviceBuffer buffer, int width) =>
        buffer.View(Device.ActivationType, Inputs.NumTokens, width);
}
