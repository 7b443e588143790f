using Engine.Devices;
using Engine.Execution;
using Engine.Loading;
using Engine.Memory;
using Engine.Models;

namespace Engine.Tests.Golden;

/// <summary>Runs one sequence through a model, some tokens at a time; blocks lie in scattered order.</summary>
internal sealed class SingleRun : IDisposable
{
    private const int BlockSize = 16;
    private readonly ModelWeights _weights;
    private readonly bool _ownsWeights;
    private readonly StepInputs _inputs;
    private readonly KvStorage _kv;
    private readonly StepContext _step;
    private readonly int[] _blocks;
    private readonly DeviceBuffer _logits;
    private readonly int _maxTokens;

    public SingleRun(
        ModelWeights weights, int maxTokens, bool ownsWeights = false, DType? kvType = null,
        IReadOnlyList<KvScale>? kvScales = null)
    {
        _weights = weights;
        _ownsWeights = ownsWeights;
        _maxTokens = maxTokens;
        int numBlocks = (maxTokens + BlockSize - 1) / BlockSize;
        _blocks = [.. Enumerable.Range(0, numBlocks).Reverse()];
        var shape = new KvStorageShape
        {
            BlockSize = BlockSize,
            Layers = weights.KvLayers,
            Type = kvType ?? weights.ComputeType,
            ComputeType = weights.ComputeType,
            Scales = kvScales ?? [],
        };
        _kv = weights.Device.CreateKvStorage(shape, numBlocks);
        _inputs = new StepInputs(maxTokens, 1, numBlocks);
        _step = new StepContext(weights.Device, weights.Activations, _kv, _inputs, maxTokens);
        _logits = weights.Device.Allocate((long)maxTokens * weights.Config.VocabSize * sizeof(float));
    }

    public static SingleRun Open(
        string folder, IDevice device, string configName = "config.json", DType? type = null,
        int? maxModelLen = null)
    {
        ModelFolder files = new(folder);
        ModelConfig config = ModelConfig.Parse(files.TryRead(configName)!);
        config.LimitModelLen(maxModelLen);
        using WeightMap map = new(SafetensorsModel.Open(files));
        ModelWeights weights = ModelWeights.Load(
            config, device, map, type ?? DType.F32, null, CancellationToken.None);
        return new SingleRun(weights, Math.Min(config.MaxModelLen, 400), ownsWeights: true);
    }

    /// <summary>Final hidden states and logits of the tokens, which follow `start` others.</summary>
    public (float[] Hidden, float[] Logits) Forward(ReadOnlySpan<int> tokens, int start)
    {
        _inputs.Clear();
        _inputs.Add(tokens, start, _blocks, BlockSize);
        TensorView hidden = _step.Forward(_weights.Model);
        int vocab = _weights.Config.VocabSize;
        TensorView logits = _logits.View(DType.F32, tokens.Length, vocab);
        _weights.Model.Head.Forward(logits, hidden, _weights.Device);
        float[] hiddenValues = new float[tokens.Length * hidden.Columns];
        float[] logitValues = new float[tokens.Length * vocab];
        _weights.Device.Download(hiddenValues, hidden);
        _weights.Device.Download(logitValues, logits);
        return (hiddenValues, logitValues);
    }

    /// <summary>Final hidden states of tokens that follow no others, of any model.</summary>
    public float[] Hidden(ReadOnlySpan<int> tokens)
    {
        _inputs.Clear();
        _inputs.Add(tokens, 0, _blocks, BlockSize);
        TensorView hidden = _step.Forward(_weights.Model);
        float[] values = new float[tokens.Length * hidden.Columns];
        _weights.Device.Download(values, hidden);
        return values;
    }

    /// <summary>Greedy tokens after a prompt.</summary>
    public int[] Greedy(ReadOnlySpan<int> prompt, int count)
    {
        int[] tokens = new int[count];
        int start = 0;
        ReadOnlySpan<int> next = prompt;
        for (int i = 0; i < count; i++)
        {
            (_, float[] logits) = Forward(next, start);
            ReadOnlySpan<float> last = logits.AsSpan(logits.Length - _weights.Config.VocabSize);
            int best = 0;
            for (int v = 1; v < last.Length; v++)
            {
                if (last[v] > last[best]) best = v;
            }
            tokens[i] = best;
            start += next.Length;
            next = tokens.AsSpan(i, 1);
        }
        return tokens;
    }

    public int MaxTokens => _maxTokens;

    /// <summary>Doubles the ALiBi bias of every layer.</summary>
    public unsafe void DoubleAlibiSlopes()
    {
        DeviceBuffer slopes = _weights.Model.Blocks[0].Attention.Settings.AlibiSlopes!;
        foreach (ref float slope in new Span<float>((void*)slopes.Address, (int)slopes.Bytes / sizeof(float)))
        {
            slope *= 2;
        }
    }

    public void Dispose()
    {
        _logits.Dispose();
        _step.Dispose();
        _kv.Dispose();
        if (_ownsWeights) _weights.Dispose();
    }
}
