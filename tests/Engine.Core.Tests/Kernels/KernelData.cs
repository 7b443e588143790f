using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;

namespace Engine.Tests.Kernels;

/// <summary>Random inputs, conversions and devices that the kernel tests share.</summary>
internal static unsafe class KernelData
{
    /// <summary>Every instruction set of this machine, best last.</summary>
    public static IEnumerable<CpuIsa> Isas =>
        Enum.GetValues<CpuIsa>().Where(isa => isa >= 0 && isa <= CpuDevice.BestIsa);

    /// <summary>Those and, on every machine, tiles in scalar code.</summary>
    public static IEnumerable<TestFixtureData> Levels =>
        Isas.Select(isa => new TestFixtureData(isa, false))
            .Append(new TestFixtureData(CpuIsa.AmxBf16, true).SetArgDisplayNames("EmulatedTiles"));

    public static CpuDevice Device(
        CpuIsa isa, int threads = 2, ActivationPrecision precision = ActivationPrecision.Bits8,
        bool emulatesTiles = false) =>
        new(new CpuDeviceOptions
        {
            Isa = emulatesTiles ? CpuIsa.Auto : isa,
            NumThreads = threads,
            PinWorkers = false,
            ActivationPrecision = precision,
            EmulatesTiles = emulatesTiles,
        });

    public static float[] Random(int count, int seed, float scale = 1f)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (int i = 0; i < count; i++)
        {
            // A sum of four uniforms is near enough to a gaussian.
            float sum = random.NextSingle() + random.NextSingle() + random.NextSingle() + random.NextSingle();
            values[i] = (sum - 2f) * 1.7f * scale;
        }

        return values;
    }

    public static ushort ToBF16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }

    public static float Round(float value, DType type) => type switch
    {
        DType.BF16 => BitConverter.Int32BitsToSingle(ToBF16(value) << 16),
        DType.F16 => (float)(Half)value,
        _ => value,
    };

    public static float[] Round(float[] values, DType type) =>
        Array.ConvertAll(values, v => Round(v, type));

    /// <summary>The bytes of values in an element type.</summary>
    public static byte[] Encode(float[] values, DType type)
    {
        var bytes = new byte[values.Length * type.SizeOf()];
        fixed (byte* p = bytes)
        {
            for (int i = 0; i < values.Length; i++)
            {
                switch (type)
                {
                    case DType.F32: ((float*)p)[i] = values[i]; break;
                    case DType.F16: ((Half*)p)[i] = (Half)values[i]; break;
                    default: ((ushort*)p)[i] = ToBF16(values[i]); break;
                }
            }
        }

        return bytes;
    }

    /// <summary>Packs rows [n, k] that were encoded as storage, to compute in type.</summary>
    public static LinearWeight Pack(
        IDevice device, float[] values, int n, int k, DType storage, DType compute, bool transposed = false)
    {
        fixed (byte* p = Encode(values, storage))
        {
            var part = new LinearPart(n, k, storage, (nint)p, transposed ? n : k, transposed);
            return device.PackLinear(new LinearSource { Parts = [part], ComputeType = compute });
        }
    }

    /// <summary>x W^T in double, with the sum of magnitudes that an error is measured against.</summary>
    public static (double Value, double Magnitude) Dot(
        ReadOnlySpan<float> x, ReadOnlySpan<float> w)
    {
        double sum = 0, magnitude = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double product = (double)x[i] * w[i];
            sum += product;
            magnitude += Math.Abs(product);
        }

        return (sum, magnitude);
    }

    public static bool SameBits(ReadOnlySpan<float> a, ReadOnlySpan<float> b) =>
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(a)
            .SequenceEqual(System.Runtime.InteropServices.MemoryMarshal.AsBytes(b));
}
