using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Execution;
using Engine.Memory;
using Engine.Models;

namespace Engine.Pooling;

/// <summary>
/// Computes batches of whole texts, one behind the other without padding. What a text gives does not depend on the
/// others. One thread at a time.
/// </summary>
internal sealed class PoolingRunner : IDisposable
{
    private const int BlockSize = 16;

    private readonly PoolingModel _model;
    private readonly ModelWeights _weights;
    private readonly StepInputs _inputs;
    private readonly KvStorage _kv;
    private readonly StepContext _step;
    private readonly int[] _blocks;
    private readonly float[] _hidden;

    /// <summary>Allocates for the largest batch.</summary>
    /// <param name="model">Not owned.</param>
    /// <param name="maxTokens">Tokens of a batch; at least a longest text's.</param>
    /// <param name="maxTexts">Texts of a batch.</param>
    public PoolingRunner(PoolingModel model, int maxTokens, int maxTexts)
    {
        _model = model;
        _weights = model.Weights;
        MaxTokens = maxTokens;
        MaxTexts = maxTexts;
        int maxBlocks = (model.MaxTokens + BlockSize - 1) / BlockSize;
        int numBlocks = (maxTokens / BlockSize) + maxTexts;
        var shape = new KvStorageShape
        {
            BlockSize = BlockSize,
            Layers = _weights.KvLayers,
            Type = _weights.ComputeType,
        };
        IDevice device = _weights.Device;
        long results = (long)maxTokens * model.Config.HiddenSize * sizeof(float);
        long need = (numBlocks * device.KvBlockBytes(shape))
            + ((long)maxTokens * _weights.Activations.FloatsPerToken * device.ActivationType.SizeOf())
            + device.StepBytes(new StepLimits(maxTokens, maxTexts, maxBlocks), shape);
        using CallerContext context = CallerContext.Keep();
        if (!device.IsHostMemory) CheckRoom(need, device.Memory().FreeBytes, $" on {device.Name}");
        CheckRoom(device.IsHostMemory ? need + results : results, FreeMemory.Bytes(), "");
        _inputs = new StepInputs(maxTokens, maxTexts, maxBlocks);
        _blocks = [.. Enumerable.Range(0, maxBlocks)];
        _hidden = new float[(long)maxTokens * model.Config.HiddenSize];
        _kv = _weights.Device.CreateKvStorage(shape, numBlocks);
        try
        {
            _step = new StepContext(_weights.Device, _weights.Activations, _kv, _inputs, maxTokens);
        }
        catch
        {
            _kv.Dispose();
            throw;
        }
    }

    public int MaxTokens { get; }

    public int MaxTexts { get; }

    /// <summary>Results of requests that have been checked and fit a batch, in their order.</summary>
    public PoolingResult[] Run(IReadOnlyList<PoolingRequest> requests)
    {
        lock (_weights.DeviceLock)
        {
            Prepare(requests);
            TensorView hidden = _weights.Model.Forward(_step);
            _weights.Device.Download(_hidden.AsSpan(0, hidden.Rows * hidden.Columns), hidden);
        }

        int width = _model.Config.HiddenSize;
        var results = new PoolingResult[requests.Count];
        for (int i = 0; i < results.Length; i++)
        {
            int first = _inputs.CuSeqlensQ[i], count = _inputs.CuSeqlensQ[i + 1] - first;
            results[i] = new PoolingResult(
                _model.Finish(requests[i], _hidden.AsSpan(first * width, count * width)), count);
        }

        return results;
    }

    public void Dispose()
    {
        using CallerContext context = CallerContext.Keep();
        _step.Dispose();
        _kv.Dispose();
    }

    private void CheckRoom(long need, long free, string where)
    {
        if (need <= free) return;
        throw new EngineException(
            EngineStatus.OutOfMemory,
            $"batches of {MaxTokens} tokens take {need} bytes{where}, {free} are free; lower max_num_batched_tokens or "
            + "max_model_len",
            "max_num_batched_tokens");
    }

    private void Prepare(IReadOnlyList<PoolingRequest> requests)
    {
        _inputs.Clear();
        int nextBlock = 0;
        foreach (PoolingRequest request in requests)
        {
            int numBlocks = (request.TokenIds.Count + BlockSize - 1) / BlockSize;
            for (int i = 0; i < numBlocks; i++) _blocks[i] = nextBlock + i;
            nextBlock += numBlocks;
            _inputs.Add(
                [.. request.TokenIds], 0, _blocks.AsSpan(0, numBlocks), BlockSize, [.. request.TokenTypeIds ?? []]);
        }
    }
}
