using Engine.Speculation;

namespace Engine.Scheduling;

/// <summary>
/// Computes steps: prepare, forward, sample. Called from one thread at a time. Results of a sequence depend on
/// that sequence alone, whatever else is in the plan.
/// </summary>
public interface IModelRunner : IDisposable
{
    /// <summary>KV blocks that exist; ids are 0 .. NumBlocks - 1.</summary>
    int NumBlocks { get; }

    /// <summary>Tokens of a block.</summary>
    int BlockSize { get; }

    /// <summary>Ids are 0 .. VocabSize - 1.</summary>
    int VocabSize { get; }

    /// <summary>Longest prompt plus output.</summary>
    int MaxModelLen { get; }

    /// <summary>Stopwatch ticks spent in the forward pass and the output matrix so far.</summary>
    long KernelTicks => 0;

    /// <summary>Guesses tokens for steps to verify; null does not.</summary>
    IDraftProposer? Proposer => null;

    /// <summary>Drafts may be given to it, whether or not it has a proposer.</summary>
    bool VerifiesDrafts => false;

    /// <summary>
    /// Does the plan's block copies, computes KV of its tokens, samples for each sequence that Samples.
    /// Allocates nothing unless log probabilities are asked for.
    /// </summary>
    /// <param name="plan">What to compute.</param>
    /// <param name="results">Cleared; the runner adds tokens, logprobs, errors of single sequences.</param>
    /// <returns>Ok; OutOfMemory if the step can be tried again with fewer tokens; any other error fails the engine.
    /// </returns>
    EngineStatus Execute(StepPlan plan, SampledTokens results);

    /// <summary>Throws unless Sleep can be called.</summary>
    /// <param name="freesWeights">As for Sleep.</param>
    /// <exception cref="EngineException">Unsupported, and why.</exception>
    void CheckCanSleep(bool freesWeights) =>
        throw new EngineException(EngineStatus.Unsupported, "this engine cannot sleep", "level");

    /// <summary>
    /// Gives back KV memory and what steps need, until WakeUp; no sequence may hold a block. Idempotent.
    /// </summary>
    /// <param name="freesWeights">Gives back the weights, too; WakeUp reads them from where they were loaded.</param>
    void Sleep(bool freesWeights) => CheckCanSleep(freesWeights);

    /// <summary>Takes again what Sleep gave back. Idempotent; after an error it can be tried again.</summary>
    /// <param name="weightsOnly">Leaves out KV memory: no step can be executed yet.</param>
    /// <exception cref="EngineException">OutOfMemory, or what loading throws.</exception>
    void WakeUp(bool weightsOnly)
    {
    }

    /// <summary>What went wrong in the last Execute that returned an error; null if nothing is known.</summary>
    string? LastError { get; }
}
