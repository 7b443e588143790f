using System.Runtime.InteropServices;
using Engine.Loading;
using Engine.Memory;
using Engine.Quantization;

namespace Engine.Devices.Cuda;

/// <summary>Rows of codes on their way to the device, each plane's rows one after another.</summary>
internal static unsafe class CudaCodeRows
{
    private const uint Q4_0Id = 2;
    private const uint Q8_0Id = 8;

    /// <summary>Writes rows [first, first + count) of a segment, with several threads.</summary>
    /// <param name="segment">Their form.</param>
    /// <param name="source">The segment's parts.</param>
    /// <param name="first">First row of the segment.</param>
    /// <param name="count">Rows.</param>
    /// <param name="destination">Planes in order, `count` rows of each.</param>
    public static void Write(CudaSegment segment, LinearSource source, int first, int count, nint destination)
    {
        WeightCodes stored = CudaWeightPlan.CodesOf(source.Parts[0])!;
        Parallel.For(
            0, count, () => new Row(segment, stored),
            (r, _, row) =>
            {
                row.Read(source, first + r);
                row.Write(destination, r, count);
                return row;
            },
            static _ => { });
    }

    /// <summary>One row's codes as they were stored.</summary>
    private sealed class Row
    {
        private readonly CudaSegment _segment;
        private readonly CudaCodes _form;
        private readonly int _repeat;
        private readonly byte[] _codes;
        private readonly float[] _scales;
        private readonly float[] _mins;
        private readonly sbyte[] _subs;
        private readonly byte[] _subMins;
        private readonly byte[] _zeros;

        public Row(CudaSegment segment, WeightCodes stored)
        {
            _segment = segment;
            _form = segment.Codes!;
            int k = segment.K, numGroups = (k + stored.GroupSize - 1) / stored.GroupSize;
            int numScales = _form.HasSubs ? _form.Scales(k) : numGroups;
            // A stored group is so many of the kernel's.
            _repeat = numGroups == 1 ? _form.Groups(k) : stored.GroupSize >> _form.GroupShift;
            _codes = new byte[k];
            _scales = new float[numScales];
            _mins = new float[numScales];
            _subs = new sbyte[numGroups];
            _subMins = new byte[numGroups];
            _zeros = new byte[numGroups];
        }

        public void Read(LinearSource source, int row)
        {
            LinearPart part = source.PartOf(row, out row);
            CodeRow target = new()
            {
                Codes = _codes,
                Scales = _scales,
                Mins = _mins,
                Subs = _subs,
                SubMins = _subMins,
                Zeros = _zeros,
            };
            if (part.Blocks == WeightBlocks.None)
            {
                part.Matrix!.ReadCodes(part.FirstRow + row, target);
                return;
            }

            GgufType type = GgufType.Find(part.Blocks == WeightBlocks.Q8_0 ? Q8_0Id : Q4_0Id)!.Value;
            int bytes = part.K / type.BlockElements * type.BlockBytes;
            GgufCodes.Read(
                type, new ReadOnlySpan<byte>((byte*)part.Address + ((long)row * part.RowStride), bytes), target);
        }

        public void Write(nint destination, int row, int count)
        {
            foreach (CodePlane plane in (ReadOnlySpan<CodePlane>)[
                CodePlane.Codes, CodePlane.Scales, CodePlane.Mins, CodePlane.Subs, CodePlane.SubMins, CodePlane.Zeros,
                CodePlane.Sums])
            {
                long rowBytes = _segment.RowBytes(plane);
                if (rowBytes == 0) continue;
                Write(plane, new Span<byte>((byte*)destination + (row * rowBytes), (int)rowBytes));
                destination += (nint)(count * rowBytes);
            }
        }

        private void Write(CodePlane plane, Span<byte> target)
        {
            switch (plane)
            {
                case CodePlane.Codes:
                    WriteCodes(target);
                    break;
                case CodePlane.Scales:
                    WriteFloats(_scales, target);
                    break;
                case CodePlane.Mins:
                    WriteFloats(_mins, target);
                    break;
                case CodePlane.Subs:
                    Spread(MemoryMarshal.AsBytes<sbyte>(_subs), target);
                    break;
                case CodePlane.SubMins:
                    Spread(_subMins, target);
                    break;
                case CodePlane.Zeros:
                    Spread(_zeros, target);
                    break;
                default:
                    int sum = 0;
                    foreach (byte code in _codes) sum += code - _form.Zero;
                    MemoryMarshal.Write(target, sum);
                    break;
            }
        }

        private void WriteCodes(Span<byte> target)
        {
            if (_form.Bits == 8)
            {
                _codes.CopyTo(target);
                target[_codes.Length..].Clear();
                return;
            }

            int pairs = _codes.Length / 2;
            for (int i = 0; i < pairs; i++) target[i] = (byte)(_codes[2 * i] | (_codes[(2 * i) + 1] << 4));
            target[pairs..].Clear();
            if (_codes.Length % 2 != 0) target[pairs] = _codes[^1];
        }

        private void WriteFloats(float[] values, Span<byte> target)
        {
            int count = target.Length / _form.ScaleType.SizeOf(), repeat = _form.HasSubs ? 1 : _repeat;
            fixed (byte* first = target)
            {
                for (int i = 0; i < count; i++)
                    FloatBits.Write((nint)first, i, _form.ScaleType, values[i / repeat]);
            }
        }

        private void Spread(ReadOnlySpan<byte> values, Span<byte> target)
        {
            for (int i = 0; i < target.Length; i++) target[i] = values[i / _repeat];
        }
    }
}
