using Engine.Devices;
using Engine.Memory;
using Engine.Models;

namespace Engine.Execution;

/// <summary>
/// A step of a few tokens and one of a single token, for nothing but what they leave in a device's memory: compiled
/// kernels and their workspace. Only then is it known what remains for KV blocks.
/// </summary>
internal static class DryRun
{
    private const int NumTokens = 40;

    public static void Run(ModelWeights weights, EngineOptions options)
    {
        IDevice device = weights.Device;
        if (device.IsHostMemory) return;
        KvStorageShape shape = weights.Kv.Shape(options, weights.ComputeType);
        int count = Math.Min(NumTokens, weights.Config.MaxModelLen);
        int numBlocks = (count + shape.BlockSize - 1) / shape.BlockSize;
        int[] tokens = new int[count], blocks = [.. Enumerable.Range(0, numBlocks)];
        StepInputs inputs = new(count, 1, numBlocks);
        lock (weights.DeviceLock)
        {
            using KvStorage kv = device.CreateKvStorage(shape, numBlocks);
            using StepContext step = new(device, weights.Activations, kv, inputs, count);
            using LogitsRows rows = new(weights, 1, weights.Config.VocabSize);
            Compute(tokens);
            Compute(tokens.AsSpan(0, 1));

            void Compute(ReadOnlySpan<int> part)
            {
                inputs.Clear();
                inputs.Add(part, 0, blocks, shape.BlockSize);
                TensorView hidden = step.Forward(weights.Model);
                rows.Begin();
                rows.Add(0, part.Length - 1, LogitsRows.SamplesNext);
                rows.Compute(hidden);
                rows.TryScore(0, 0, 0);
                rows.Fetch();
            }
        }
    }
}
