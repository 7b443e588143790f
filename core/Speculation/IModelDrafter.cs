using Engine.Memory;
using Engine.Scheduling;

namespace Engine.Speculation;

/// <summary>What the runner of a model has beside the proposer's part: drafts are made as it executes a plan.</summary>
internal interface IModelDrafter : IDraftProposer, IDisposable
{
    /// <summary>Bytes held on the device, weights apart.</summary>
    long Bytes => 0;

    /// <summary>Before the model runs: does the plan's block copies in memory of its own, and fills in drafts (fewer
    /// than Propose said, if need be).</summary>
    void Draft(StepPlan plan)
    {
    }

    /// <summary>After the step's tokens have been sampled.</summary>
    /// <param name="plan">The step.</param>
    /// <param name="hidden">[rows, width] what the output matrix read: all rows of the step.</param>
    /// <param name="results">The tokens sampled.</param>
    void Learn(StepPlan plan, TensorView hidden, SampledTokens results)
    {
    }
}
