using Engine.Devices;
using Engine.Memory;
using Engine.Models;

namespace Engine.Execution;

/// <summary>
/// What a forward pass works with: the step's inputs, the KV memory and the activations. Activations are
/// named by what fits in them, made once for the largest step, and reused by every layer.
/// </summary>
internal sealed class StepContext : IDisposable
{
    private readonly DeviceStep? _deviceStep;
    private readonly DeviceBuffer _hidden;
    private readonly DeviceBuffer _normed;
    private readonly DeviceBuffer _temp;
    private readonly DeviceBuffer _wide;
    private readonly DeviceBuffer _narrow;
    private readonly DeviceBuffer? _layerInputs;

    public StepContext(
        IDevice device, ActivationShape shape, KvStorage kv, StepInputs inputs, int maxNumTokens)
    {
        Device = device;
        Kv = kv;
        Inputs = inputs;
        List<IDisposable> made = [];
        try
        {
            _hidden = Allocate(shape.Hidden);
            _normed = Allocate(shape.Hidden);
            _temp = Allocate(shape.Hidden);
            _wide = Allocate(shape.Wide);
            _narrow = Allocate(shape.Narrow);
            if (shape.LayerInputs > 0) _layerInputs = Allocate(shape.LayerInputs);
            _deviceStep = device.CreateStep(
                new StepLimits(maxNumTokens, inputs.MaxNumSeqs, inputs.MaxBlocksPerSeq), kv);
        }
        catch
        {
            foreach (IDisposable item in made) item.Dispose();
            throw;
        }

        DeviceBuffer Allocate(int width)
        {
            DeviceBuffer buffer = device.Allocate((long)maxNumTokens * width * device.ActivationType.SizeOf());
            made.Add(buffer);
            return buffer;
        }
    }

    public IDevice Device { get; }

    public KvStorage Kv { get; }

    public StepInputs Inputs { get; }

    /// <summary>Bytes of the activations.</summary>
    public long Bytes =>
        _hidden.Bytes + _normed.Bytes + _temp.Bytes + _wide.Bytes + _narrow.Bytes + (_layerInputs?.Bytes ?? 0)
        + (_deviceStep?.Bytes ?? 0);

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

    /// <summary>[numTokens, width] what all layers get of a token, from the embedding to the last layer.</summary>
    public TensorView LayerInputs(int width) => View(_layerInputs!, width);

    /// <summary>
    /// Computes the step's tokens: told to the device once, and repeated from a recording where it has one.
    /// </summary>
    public TensorView Forward(DecoderModel model)
    {
        if (_deviceStep is null) return model.Forward(this);
        Inputs.Pad(_deviceStep.PaddedSequences(Inputs.NumSeqs, Inputs.NumTokens), _deviceStep.SpareBlock);
        _deviceStep.Begin(Inputs.Metadata);
        try
        {
            if (_deviceStep.TryReplay(out TensorView hidden)) return hidden;
            return _deviceStep.TryCapture() && Capture(model, out hidden) ? hidden : model.Forward(this);
        }
        finally
        {
            _deviceStep.End();
        }
    }

    /// <summary>Tells the device a pass that is not a model's, until End; such a one is not recorded.</summary>
    public void Begin() => _deviceStep?.Begin(Inputs.Metadata);

    /// <summary>Ends the pass, whatever has become of it.</summary>
    public void End() => _deviceStep?.End();

    public void Dispose()
    {
        _deviceStep?.Dispose();
        _hidden.Dispose();
        _normed.Dispose();
        _temp.Dispose();
        _wide.Dispose();
        _narrow.Dispose();
        _layerInputs?.Dispose();
    }

    private bool Capture(DecoderModel model, out TensorView hidden)
    {
        try
        {
            hidden = model.Forward(this);
        }
        catch (EngineException e) when (_deviceStep!.TryAbandonCapture(e))
        {
            hidden = default;
            return false;
        }

        return _deviceStep!.EndCapture(hidden);
    }

    private TensorView View(DeviceBuffer buffer, int width) =>
        buffer.View(Device.ActivationType, Inputs.NumTokens, width);
}
