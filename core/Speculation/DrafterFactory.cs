using Engine.Execution;
using Engine.Models;

namespace Engine.Speculation;

/// <summary>What drafts for a runner.</summary>
internal static class DrafterFactory
{
    /// <summary>Loads a draft's weights onto the model's device and makes room for its steps.</summary>
    /// <param name="options">How to speculate.</param>
    /// <param name="source">The draft's files; null for a method without.</param>
    /// <param name="target">The model.</param>
    /// <param name="limits">Of the runner.</param>
    /// <param name="vocabSize">Ids that the model may sample.</param>
    public static IModelDrafter Create(
        SpeculativeOptions options, DraftSource? source, ModelWeights target, RunnerLimits limits, int vocabSize)
    {
        int count = options.NumSpeculativeTokens;
        if (source is null) return new NgramDrafter(options, limits.MaxModelLen);
        lock (target.DeviceLock)
        {
            if (options.Method == SpeculativeMethod.Eagle)
            {
                EagleHead head = EagleHead.Load(source.Config, target.Device, source.Weights, source.ComputeType);
                return new EagleDrafter(head, target, limits, count, source.Config.MaxModelLen, vocabSize);
            }

            ModelWeights draft = ModelWeights.Load(
                source.Config, target.Device, source.Weights, source.ComputeType, null, default);
            return new DraftModelDrafter(draft, limits, count, vocabSize);
        }
    }
}
