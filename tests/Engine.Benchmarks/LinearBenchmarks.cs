using BenchmarkDotNet.Attributes;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;

namespace Engine.Benchmarks;

/// <summary>
/// Matrix products of the 1.1B Llama shapes. Weights rotate through copies that exceed the caches, so that they come
/// from memory as in a model.
/// </summary>
public class LinearBenchmarks
{
    private const long RotatedBytes = 96L << 20;

    private readonly List<LinearWeight> _weights = [];
    private CpuDevice? _device;
    private DeviceBuffer? _x;
    private DeviceBuffer? _y;
    private int _next;

    /// <summary>Output and input features: qkv, gate and up, down, lm_head.</summary>
    [ParamsSource(nameof(Shapes))]
    public LinearShape Shape { get; set; }

    /// <summary>Rows of activations.</summary>
    [Params(1, 8, 32, 512)]
    public int M { get; set; }

    /// <summary>The weights' form.</summary>
    [ParamsAllValues]
    public WeightForm Form { get; set; }

    /// <summary>The shapes.</summary>
    public static IEnumerable<LinearShape> Shapes =>
        [new(2560, 2048), new(11264, 2048), new(2048, 5632), new(32000, 2048)];

    /// <summary>Packs the weights.</summary>
    [GlobalSetup]
    public unsafe void Start()
    {
        _device = new CpuDevice();
        _device.PinCallingThread();
        var random = new Random(1);
        var values = new float[Shape.N * Shape.K];
        for (int i = 0; i < values.Length; i++) values[i] = random.NextSingle() - 0.5f;
        fixed (float* p = values)
        {
            var source = new LinearSource
            {
                Parts = [new LinearPart(Shape.N, Shape.K, DType.F32, (nint)p, Shape.K)],
                ComputeType = Form == WeightForm.F16 ? DType.F16
                    : Form == WeightForm.BF16 ? DType.BF16 : DType.F32,
                Quantization = Form == WeightForm.Int8 ? WeightQuantization.Int8
                    : Form == WeightForm.Int4 ? WeightQuantization.Int4 : WeightQuantization.None,
            };
            do
            {
                _weights.Add(_device.PackLinear(source));
            }
            while (_weights[0].Bytes * _weights.Count < RotatedBytes);
        }

        _x = _device.Upload(values.AsSpan(0, M * Shape.K));
        _y = _device.Allocate((long)M * Shape.N * sizeof(float));
    }

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void Stop()
    {
        _weights.Clear();
        _device?.Dispose();
    }

    /// <summary>y = x W^T.</summary>
    [Benchmark]
    public void Linear()
    {
        _next = (_next + 1) % _weights.Count;
        _device!.Linear(
            _y!.View(DType.F32, M, Shape.N), _x!.View(DType.F32, M, Shape.K), _weights[_next], null, false);
    }
}

/// <summary>Output and input features.</summary>
/// <param name="N">Outputs.</param>
/// <param name="K">Inputs.</param>
public readonly record struct LinearShape(int N, int K)
{
    /// <inheritdoc/>
    public override string ToString() => $"{N}x{K}";
}
