using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;

namespace Engine.Tests.Kernels;

/// <summary>
/// Weights that pack without arithmetic against the way by floats, which a first part of another type, of 16 rows,
/// forces.
/// </summary>
public sealed unsafe class DirectPackTests
{
    private const int Q8Block = 100;
    private const int PanelRows = 16;
    private CpuDevice _device = null!;

    [OneTimeSetUp]
    public void Start() => _device = KernelData.Device(CpuDevice.BestIsa);

    [OneTimeTearDown]
    public void Stop() => _device.Dispose();

    [TestCase(CpuFormat.Q8)]
    [TestCase(CpuFormat.Q4)]
    public void BlocksMoveAsTheyAre(int format)
    {
        int type = format == CpuFormat.Q8 ? Q8Block : Q8Block + 1, blockBytes = format == CpuFormat.Q8 ? 34 : 18;
        for (int n = 1; n <= 50; n++)
        {
            int k = 32 * (1 + (n % 7));
            AssertSame(format, type, n, k, k / 32 * blockBytes, 1);
        }
    }

    [TestCase(CpuFormat.F32, DType.F32)]
    [TestCase(CpuFormat.F16, DType.F16)]
    [TestCase(CpuFormat.BF16, DType.BF16)]
    [TestCase(CpuFormat.BF16Dot, DType.BF16)]
    public void ElementsMoveAsTheyAre(int format, DType type)
    {
        for (int n = 1; n <= 50; n++) AssertSame(format, (int)type, n, 1 + (n * 29 % 131), 0, type.SizeOf());
    }

    [Test]
    public void AWeightInWindowsIsTheWeightInOnePiece([Values] bool transposed)
    {
        // Above one window of 8 MB, in parts that end within panels.
        const int K = 1000, N = 5000;
        float[] values = KernelData.Random(N * K, 3);
        byte[] bytes = KernelData.Encode(values, DType.BF16);
        fixed (byte* p = bytes)
        {
            nint address = (nint)p;
            List<LinearPart> parts = transposed
                ? [new LinearPart(N, K, DType.BF16, address, N, true)]
                : [new LinearPart(1111, K, DType.BF16, address, K),
                   new LinearPart(N - 1111, K, DType.BF16, address + (1111 * K * 2), K)];
            long read = 0;
            var source = new LinearSource
            {
                Parts = parts,
                ComputeType = DType.F32,
                OnRead = more => read += more,
            };
            Assert.That(LinearWindows.Of(source).Count(), Is.GreaterThan(1));
            using var windows = (CpuWeight)_device.PackLinear(source);
            CpuKernels.WeightPart[] whole =
            [
                .. parts.Select(part => new CpuKernels.WeightPart
                {
                    Data = part.Address, N = part.N, RowStride = part.RowStride, Type = (int)part.Type,
                    Transposed = part.Transposed ? 1 : 0,
                }),
            ];
            Assert.That(Pack(whole, N, K, windows.Format).AsSpan()
                .SequenceEqual(new ReadOnlySpan<byte>((void*)windows.Address, (int)windows.Bytes)));
            Assert.That(read, Is.EqualTo(bytes.Length));
        }
    }

    // Rows of two parts, the second of every other row, end at memory that cannot be touched.
    private void AssertSame(int format, int type, int n, int k, int blockRowBytes, int elementBytes)
    {
        int stride = blockRowBytes > 0 ? blockRowBytes : k, rowBytes = stride * elementBytes;
        int second = n / 2, first = n - second;
        using var rows = new GuardedMemory((long)(first + Math.Max(0, (2 * second) - 1)) * rowBytes);
        Fill(new Span<byte>((void*)rows.Address, (first + Math.Max(0, (2 * second) - 1)) * rowBytes), n, elementBytes);
        float[] other = KernelData.Random(PanelRows * k, n);
        fixed (float* p = other)
        fixed (byte* halves = KernelData.Encode(other, DType.F16))
        {
            bool isFloat = type == (int)DType.F32;
            var forcing = new CpuKernels.WeightPart
            {
                Data = isFloat ? (nint)halves : (nint)p,
                N = PanelRows,
                RowStride = k,
                Type = (int)(isFloat ? DType.F16 : DType.F32),
            };
            var head = new CpuKernels.WeightPart { Data = rows.Address, N = first, RowStride = stride, Type = type };
            CpuKernels.WeightPart tail = head with
            {
                Data = rows.Address + ((nint)first * rowBytes),
                N = second,
                RowStride = 2 * stride,
            };
            CpuKernels.WeightPart[] parts = second > 0 ? [head, tail] : [head];
            byte[] slow = Pack([forcing, .. parts], PanelRows + n, k, format);
            int panelBytes = (int)CpuKernels.LinearBytes(PanelRows, k, format);
            Assert.That(
                Pack(parts, n, k, format).AsSpan().SequenceEqual(slow.AsSpan(panelBytes)), Is.True,
                $"[{n}, {k}] of format {format}");
        }
    }

    // Bits that are no signalling NaN in any type.
    private static void Fill(Span<byte> bytes, int seed, int elementBytes)
    {
        new Random(seed).NextBytes(bytes);
        for (int i = elementBytes - 1; i < bytes.Length && elementBytes > 1; i += elementBytes) bytes[i] &= 0xbf;
    }

    private byte[] Pack(CpuKernels.WeightPart[] parts, int n, int k, int format)
    {
        int length = (int)CpuKernels.LinearBytes(n, k, format);
        using var packed = new GuardedMemory((length + 63) / 64 * 64);
        new Span<byte>((void*)packed.Address, length).Fill(0xcc);
        var weight = new CpuKernels.Weight { Data = packed.Address, N = n, K = k, Format = format };
        fixed (CpuKernels.WeightPart* first = parts)
        {
            Assert.That(CpuKernels.LinearPack(_device.Context, &weight, first, parts.Length), Is.Zero);
        }

        return new Span<byte>((void*)packed.Address, length).ToArray();
    }
}
