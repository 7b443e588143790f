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

    /// <summary>Writes rows [first, first + count) of a segment, by several threads; `first` begins a block.</summary>
    /// <param name="segment">Their form.</param>
    /// <param name="source">The segment's parts.</param>
    /// <param name="first">First row of the segment.</param>
    /// <param name="count">Rows.</param>
    /// <param name="destination">Planes in order, `count` rows of each, of codes in blocks whole ones.</param>
    public static void Write(CudaSegment segment, LinearSource source, int first, int count, nint destination)
    {
        WeightCodes stored = CudaWeightPlan.CodesOf(source.Parts[0])!;
        // Rows of a block share its bytes.
        const int Together = CudaCodes.BlockRows;
        Parallel.For(
            0, CudaDevice.Up(count, Together), () => new Row(segment, stored),
            (block, _, row) =>
            {
                if (segment.IsBlocked)
                {
                    long bytes = segment.PlaneBytes(CodePlane.Codes, Together);
                    new Span<byte>((byte*)destination + (block * bytes), checked((int)bytes)).Clear();
                }

                for (int r = block * Together; r < Math.Min(count, (block + 1) * Together); r++)
                {
                    row.Read(source, first + r);
                    row.Write(destination, r, count);
                }

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
            _codes = new byte[CudaDevice.Up(k, CudaCodes.BlockColumns) * CudaCodes.BlockColumns];
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
                Codes = _codes.AsSpan(0, _segment.K),
                Scales = _scales,
                Mins = _mins,
                Subs = _subs,
                SubMins = _subMins,
                Zeros = _zeros,
            };
            if (part.Blocks == WeightBlocks.None) part.Matrix!.ReadCodes(part.FirstRow + row, target);
            else ReadBlocks(part, row, target);
            // What fills up a block counts as nothing.
            if (_form.Type is CudaCodeType.I4 or CudaCodeType.I8)
            {
                int zero = _form.HasZeros ? _zeros[^1] : _form.Zero;
                _codes.AsSpan(_segment.K).Fill((byte)Math.Min(zero, (1 << _form.Bits) - 1));
            }
        }

        private static void ReadBlocks(in LinearPart part, int row, CodeRow target)
        {
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
                if (plane == CodePlane.Codes && _segment.IsBlocked)
                {
                    int first = row / CudaCodes.BlockRows * CudaCodes.BlockRows;
                    byte* blocks = (byte*)destination + (first * rowBytes);
                    if (_form.Bits == 8) WriteBytes(blocks, row - first);
                    else WriteNibbles(blocks, row - first);
                }
                else
                {
                    Write(plane, new Span<byte>((byte*)destination + (row * rowBytes), (int)rowBytes));
                }

                destination += (nint)_segment.PlaneBytes(plane, count);
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
                    foreach (byte code in _codes.AsSpan(0, _segment.K)) sum += code - _form.Zero;
                    MemoryMarshal.Write(target, sum);
                    break;
            }
        }

        // Of products of 8-bit numbers.
        private void WriteCodes(Span<byte> target)
        {
            _codes.AsSpan(0, _segment.K).CopyTo(target);
            target[_segment.K..].Clear();
        }

        // Four codes of a word at a time: columns 2t, 2t + 1, 2t + 8 and 2t + 9 of sixteen, where t is the lane's.
        private void WriteNibbles(byte* blocks, int row)
        {
            const int Lanes = 4, Steps = 4, BlockWords = 128;
            uint* words = (uint*)blocks + (row % 8 * Lanes * Steps);
            int shift = row / 8 * 4;
            for (int k = 0; k < _codes.Length; k += CudaCodes.BlockColumns, words += BlockWords)
            {
                for (int lane = 0; lane < Lanes; lane++)
                {
                    for (int step = 0; step < Steps; step++)
                    {
                        ReadOnlySpan<byte> c = _codes.AsSpan(k + (step * 16) + (lane * 2), 10);
                        uint four = c[0] | ((uint)c[8] << 8) | ((uint)c[1] << 16) | ((uint)c[9] << 24);
                        words[(lane * Steps) + step] |= four << shift;
                    }
                }
            }
        }

        private void WriteBytes(byte* blocks, int row)
        {
            const int Lanes = 4, Steps = 4, HalfWords = 128;
            uint* words = (uint*)blocks + (row % 8 * Lanes * 4) + (row / 8);
            for (int k = 0; k < _codes.Length; k += CudaCodes.BlockColumns, words += 2 * HalfWords)
            {
                for (int lane = 0; lane < Lanes; lane++)
                {
                    for (int step = 0; step < Steps; step++)
                    {
                        ReadOnlySpan<byte> c = _codes.AsSpan(k + (step * 16) + (lane * 2), 10);
                        words[(step / 2 * HalfWords) + (lane * 4) + (step % 2 * 2)] =
                            c[0] | ((uint)c[1] << 8) | ((uint)c[8] << 16) | ((uint)c[9] << 24);
                    }
                }
            }
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
