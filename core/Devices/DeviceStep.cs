using Engine.Memory;

namespace Engine.Devices;

/// <summary>
/// What a device keeps for one runner's steps: the host tells it a step's inputs once, before the operations that take
/// them, and it may record a step's operations to repeat them. Devices that compute at the call have none.
/// </summary>
public abstract class DeviceStep : IDisposable
{
    /// <summary>A block whose keys and values are zeros, for padding; -1 if there is none.</summary>
    public virtual int SpareBlock => -1;

    /// <summary>Bytes of the device's memory that it holds.</summary>
    public abstract long Bytes { get; }

    /// <summary>Sequences that a step of these should be padded to, each with one token; numSeqs for none.</summary>
    public virtual int PaddedSequences(int numSeqs, int numTokens) => numSeqs;

    /// <summary>Takes a step's inputs. The spans stay where and as they are until End.</summary>
    public abstract void Begin(in StepMetadata inputs);

    /// <summary>Repeats the forward pass recorded for such a step, or returns false.</summary>
    public virtual bool TryReplay(out TensorView hidden)
    {
        hidden = default;
        return false;
    }

    /// <summary>True if the operations up to EndCapture are recorded rather than done.</summary>
    public virtual bool TryCapture() => false;

    /// <summary>Ends the recording, and runs it.</summary>
    /// <param name="hidden">What the forward pass returned.</param>
    /// <returns>False if it could not be kept: then nothing was done, and the forward pass is to be called again.
    /// </returns>
    public virtual bool EndCapture(TensorView hidden) => false;

    /// <summary>An operation failed between TryCapture and EndCapture: true if nothing was done and the forward pass is
    /// to be called again.</summary>
    public virtual bool TryAbandonCapture(EngineException failure) => false;

    /// <summary>The forward pass is over, or has failed.</summary>
    public abstract void End();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory; called once or more.</summary>
    protected abstract void Dispose(bool disposing);
}

/// <summary>Limits of a runner's steps.</summary>
/// <param name="MaxNumTokens">Tokens of a step.</param>
/// <param name="MaxNumSeqs">Sequences of a step.</param>
/// <param name="MaxBlocksPerSeq">Blocks of a sequence.</param>
public readonly record struct StepLimits(int MaxNumTokens, int MaxNumSeqs, int MaxBlocksPerSeq);

/// <summary>The inputs of a step that every layer shares.</summary>
public readonly ref struct StepMetadata
{
    /// <summary>[tokens].</summary>
    public ReadOnlySpan<int> TokenIds { get; init; }

    /// <summary>[tokens].</summary>
    public ReadOnlySpan<int> Positions { get; init; }

    /// <summary>[tokens]; -1 is skipped.</summary>
    public ReadOnlySpan<int> SlotMapping { get; init; }

    /// <summary>Queries and blocks of each sequence.</summary>
    public AttentionBatch Attention { get; init; }

    /// <summary>Where the device finds the tokens, in place of TokenIds; null if there.</summary>
    internal DeviceTokens? TokenSource { get; init; }

    /// <summary>[tokens] places of the tokens in TokenSource.</summary>
    internal ReadOnlySpan<int> TokenPlaces { get; init; }
}
