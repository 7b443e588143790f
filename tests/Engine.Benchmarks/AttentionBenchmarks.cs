using BenchmarkDotNet.Attributes;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;

namespace Engine.Benchmarks;

/// <summary>Attention of one layer of the 1.1B Llama shapes (32 heads of 64, 4 KV heads).</summary>
public class AttentionBenchmarks
{
    private const int Heads = 32;
    private const int KvHeads = 4;
    private const int HeadDim = 64;
    private const int NumLayers = 22;

    private CpuDevice? _device;
    private KvStorage? _storage;
    private DeviceBuffer? _query;
    private DeviceBuffer? _output;
    private int[] _table = [];
    private int _layer;

    /// <summary>Query rows: 1 decodes, more prefill.</summary>
    [Params(1, 512)]
    public int NumQueries { get; set; }

    /// <summary>Tokens whose KV exists.</summary>
    [Params(512, 4096)]
    public int NumTokens { get; set; }

    /// <summary>Element type of the cache.</summary>
    [Params(DType.F32, DType.F16, DType.BF16)]
    public DType KvType { get; set; }

    /// <summary>Fills the cache.</summary>
    [GlobalSetup]
    public void Start()
    {
        _device = new CpuDevice();
        _device.PinCallingThread();
        int blocks = NumTokens / 16;
        var shape = new KvStorageShape
        {
            BlockSize = 16,
            Layers = [.. Enumerable.Repeat((KvHeads, HeadDim), NumLayers)],
            Type = KvType,
        };
        _storage = _device.CreateKvStorage(shape, blocks);
        _table = [.. Enumerable.Range(0, blocks)];
        var random = new Random(1);
        float[] rows = [.. Enumerable.Range(0, NumTokens * KvHeads * HeadDim).Select(_ => random.NextSingle() - 0.5f)];
        using DeviceBuffer kv = _device.Upload(rows);
        TensorView view = kv.View(DType.F32, NumTokens, KvHeads * HeadDim);
        int[] slots = [.. Enumerable.Range(0, NumTokens)];
        for (int i = 0; i < NumLayers; i++) _device.WriteKv(_storage, i, view, view, slots);
        _query = _device.Allocate((long)NumQueries * Heads * HeadDim * sizeof(float));
        _output = _device.Allocate((long)NumQueries * Heads * HeadDim * sizeof(float));
    }

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void Stop()
    {
        _storage?.Dispose();
        _device?.Dispose();
    }

    /// <summary>One layer; layers take turns so that the cache comes from memory.</summary>
    [Benchmark]
    public void Attention()
    {
        _layer = (_layer + 1) % NumLayers;
        _device!.Attention(
            _output!.View(DType.F32, NumQueries, Heads * HeadDim),
            _query!.View(DType.F32, NumQueries, Heads * HeadDim),
            _storage!, _layer, new AttentionSettings(Heads, KvHeads, HeadDim, 0.125f),
            new AttentionBatch
            {
                CuSeqlensQ = [0, NumQueries],
                ContextLens = [NumTokens],
                BlockTables = _table,
                MaxBlocksPerRequest = _table.Length,
            });
    }
}
