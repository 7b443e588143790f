using System.Runtime.InteropServices;
using Engine.Memory;

namespace Engine.Devices.Cpu;

/// <summary>Rows of an embedding in one element type, from whatever lies on disk.</summary>
internal static unsafe class EmbeddingTable
{
    public static void Write(LinearSource source, DType type, nint destination)
    {
        long row = 0;
        foreach (LinearPart part in source.Parts)
        {
            if (part.Blocks != WeightBlocks.None || part.Type is not (DType.F32 or DType.F16 or DType.BF16))
            {
                throw new EngineException(EngineStatus.Unsupported, $"embedding of type {part.Type}");
            }

            for (int r = 0; r < part.N; r++, row++)
            {
                WriteRow(part, r, type, destination + (nint)(row * source.K * type.SizeOf()));
            }
        }
    }

    private static void WriteRow(LinearPart part, int row, DType type, nint destination)
    {
        int size = part.Type.SizeOf();
        if (!part.Transposed && part.Type == type)
        {
            nint at = part.Address + (nint)((long)row * part.RowStride * size);
            NativeMemory.Copy((void*)at, (void*)destination, (nuint)((long)part.K * size));
            return;
        }

        for (int k = 0; k < part.K; k++)
        {
            long index = part.Transposed ? ((long)k * part.RowStride) + row : ((long)row * part.RowStride) + k;
            Store(type, destination, k, Load(part.Type, part.Address, index));
        }
    }

    private static float Load(DType type, nint address, long index) => type switch
    {
        DType.F32 => ((float*)address)[index],
        DType.F16 => (float)((Half*)address)[index],
        _ => BitConverter.Int32BitsToSingle(((ushort*)address)[index] << 16),
    };

    private static void Store(DType type, nint address, int index, float value)
    {
        switch (type)
        {
            case DType.F32:
                ((float*)address)[index] = value;
                break;
            case DType.F16:
                ((Half*)address)[index] = (Half)value;
                break;
            default:
                uint bits = BitConverter.SingleToUInt32Bits(value);
                uint rounded = float.IsNaN(value) ? bits | 0x400000 : bits + 0x7fff + ((bits >> 16) & 1);
                ((ushort*)address)[index] = (ushort)(rounded >> 16);
                break;
        }
    }
}
