using Engine.Memory;

namespace Engine.Devices;

/// <summary>
/// Tokens that a device has chosen, in slots that take turns. A later step reads them where they are; the host reads
/// them when they have come.
/// </summary>
internal abstract class DeviceTokens : IDisposable
{
    /// <summary>What is read, what is computed meanwhile, and what is computed ahead.</summary>
    public const int NumSlots = 3;

    /// <summary>Tokens of a slot.</summary>
    public required int MaxRows { get; init; }

    /// <summary>Bytes of the device's memory.</summary>
    public abstract long Bytes { get; }

    /// <summary>Begins what a chooser was asked for; nothing waits.</summary>
    /// <param name="logits">[rows, length] f32.</param>
    /// <param name="chooser">Free for the next batch when this returns.</param>
    /// <param name="slot">Where tokens go.</param>
    /// <param name="first">The first of them in the slot.</param>
    public abstract void Choose(TensorView logits, DeviceChooser chooser, int slot, int first);

    /// <summary>Sends a slot's tokens to the host, once they are chosen.</summary>
    public abstract void Send(int slot, int count);

    /// <summary>Waits for what was sent.</summary>
    public abstract ReadOnlySpan<int> Wait(int slot, int count);

    /// <summary>What was found, in a slot that was waited for, for the log probabilities of a row.</summary>
    public abstract LogprobRecord Record(int slot, int place, int top, out ReadOnlySpan<ScoredToken> best);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory; called once or more.</summary>
    protected abstract void Dispose(bool disposing);
}
