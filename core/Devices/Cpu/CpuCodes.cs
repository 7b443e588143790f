using System.Numerics;
using Engine.Quantization;

namespace Engine.Devices.Cpu;

/// <summary>Packs matrices of codes, a panel of 16 rows at a time.</summary>
internal static unsafe class CpuCodes
{
    private const int PanelRows = 16;
    private const int SuperSize = 256;

    /// <param name="source">Parts that are all matrices of the same codes and order.</param>
    /// <param name="format">Packed format, of CpuFormat.OfCodes.</param>
    /// <param name="destination">Memory of the panels.</param>
    /// <param name="threads">How many work.</param>
    public static void Pack(LinearSource source, int format, nint destination, int threads)
    {
        int panels = (source.N + PanelRows - 1) / PanelRows;
        Parallel.For(
            0, panels, new ParallelOptions { MaxDegreeOfParallelism = threads },
            () => new Panel(source.Parts[0].Matrix!.Codes!, source.K),
            (panel, _, buffers) =>
            {
                Pack(source, format, destination, panel, buffers);
                return buffers;
            },
            static _ => { });
    }

    private static void Pack(LinearSource source, int format, nint destination, int panel, Panel buffers)
    {
        int first = panel * PanelRows, rows = Math.Min(PanelRows, source.N - first);
        for (int r = 0; r < rows; r++) buffers.Read(source, first + r, r);
        var weight = new CpuKernels.Weight { Data = destination, N = source.N, K = source.K, Format = format };
        fixed (byte* codes = buffers.Codes, zeros = buffers.Zeros, subMins = buffers.SubMins)
        fixed (float* scales = buffers.Scales, mins = buffers.Mins)
        fixed (sbyte* subs = buffers.Subs)
        {
            var native = new CpuKernels.CodesRows
            {
                Codes = codes,
                Scales = scales,
                Zeros = zeros,
                Mins = mins,
                Subs = subs,
                SubMins = subMins,
                Rows = rows,
                Group = buffers.GroupSize,
            };
            int status = CpuKernels.CodesPack(&weight, panel, &native);
            if (status != 0)
            {
                throw new EngineException(
                    (EngineStatus)status,
                    $"the CPU packs no weight of format {format:x} and shape [{source.N}, {source.K}]");
            }
        }
    }

    /// <summary>Buffers for the codes of 16 rows.</summary>
    private sealed class Panel
    {
        private readonly int _k;
        private readonly int _numGroups;
        private readonly int _numScales;
        private readonly byte _offset;

        public Panel(WeightCodes codes, int k)
        {
            _k = k;
            _numGroups = (k + codes.GroupSize - 1) / codes.GroupSize;
            bool isSuper = codes.Scales >= CodeScales.Super;
            _numScales = isSuper ? (k + SuperSize - 1) / SuperSize : _numGroups;
            _offset = unchecked((byte)CpuFormat.StoredOffset(codes));
            // One group of all inputs packs as whole blocks.
            GroupSize = codes.GroupSize >= k ? (k + 127) / 128 * 128 : codes.GroupSize;
            Codes = new byte[PanelRows * k];
            Scales = new float[PanelRows * _numScales];
            Zeros = new byte[PanelRows * _numGroups];
            Mins = new float[PanelRows * _numScales];
            Subs = new sbyte[PanelRows * _numGroups];
            SubMins = new byte[PanelRows * _numGroups];
        }

        public int GroupSize { get; }

        public byte[] Codes { get; }

        public float[] Scales { get; }

        public byte[] Zeros { get; }

        public float[] Mins { get; }

        public sbyte[] Subs { get; }

        public byte[] SubMins { get; }

        public void Read(LinearSource source, int row, int slot)
        {
            LinearPart part = source.PartOf(row, out int at);
            Span<byte> codes = Codes.AsSpan(slot * _k, _k);
            part.Matrix!.ReadCodes(part.FirstRow + at, new CodeRow
            {
                Codes = codes,
                Scales = Scales.AsSpan(slot * _numScales, _numScales),
                Zeros = Zeros.AsSpan(slot * _numGroups, _numGroups),
                Mins = Mins.AsSpan(slot * _numScales, _numScales),
                Subs = Subs.AsSpan(slot * _numGroups, _numGroups),
                SubMins = SubMins.AsSpan(slot * _numGroups, _numGroups),
            });
            if (_offset != 0) Shift(codes, _offset);
        }

        private static void Shift(Span<byte> codes, byte offset)
        {
            int i = 0;
            Vector<byte> by = new(offset);
            for (; i + Vector<byte>.Count <= codes.Length; i += Vector<byte>.Count)
                (new Vector<byte>(codes[i..]) + by).CopyTo(codes[i..]);
            for (; i < codes.Length; i++) codes[i] = unchecked((byte)(codes[i] + offset));
        }
    }
}
