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

    /// <summary>Begins to choose a token for each row; nothing waits.</summary>
    /// <param name="logits">[rows, length] f32.</param>
    /// <param name="choices">[rows]; copied before this returns.</param>
    /// <param name="slot">Where they go.</param>
    /// <param name="first">The first of them in the slot.</param>
    public abstract void Choose(TensorView logits, ReadOnlySpan<TokenChoice> choices, int slot, int first);

    /// <summary>Sends a slot's tokens to the host, once they are chosen.</summary>
    public abstract void Send(int slot, int count);

    /// <summary>Waits for what was sent.</summary>
    public abstract ReadOnlySpan<int> Wait(int slot, int count);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory; called once or more.</summary>
    protected abstract void Dispose(bool disposing);
}
