using Engine.Devices;
using Engine.Execution;
using Engine.Memory;

namespace Engine.Models.Layers;

/// <summary>Rotary positions; layers of the same kind share one.</summary>
internal sealed class Rope
{
    public required int HeadDim { get; init; }

    public required int RotaryDim { get; init; }

    /// <summary>Pairs (2i, 2i + 1) instead of (i, i + RotaryDim / 2).</summary>
    public required bool Interleaved { get; init; }

    /// <summary>[maxPositions, RotaryDim]; null in a plan.</summary>
    public DeviceBuffer? Table { get; set; }

    /// <summary>The table for queries, where they are also scaled by position; null is Table.</summary>
    public DeviceBuffer? QueryTable { get; set; }

    /// <summary>For a device that rotates and writes to the cache at once.</summary>
    public RopeTables Tables => new(QueryTable ?? Table!, Table!, HeadDim, RotaryDim, Interleaved);

    public void Forward(TensorView query, TensorView key, StepContext step)
    {
        Forward(query, step);
        Rotate(key, Table!, step);
    }

    /// <summary>Queries alone.</summary>
    public void Forward(TensorView query, StepContext step) => Rotate(query, QueryTable ?? Table!, step);

    private void Rotate(TensorView x, DeviceBuffer table, StepContext step) =>
        step.Device.Rope(x, step.Inputs.Positions, table, HeadDim, RotaryDim, Interleaved);
}
