using System.Runtime.CompilerServices;

namespace Engine.Memory;

/// <summary>Conversions between f32 and the 16-bit types; rounding is to nearest, ties to even.</summary>
internal static unsafe class FloatBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float FromBf16(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort ToBf16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        // A NaN whose low bits alone are set would round to infinity.
        if (float.IsNaN(value)) return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float FromF16(ushort bits) => (float)BitConverter.UInt16BitsToHalf(bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort ToF16(float value) => BitConverter.HalfToUInt16Bits((Half)value);

    /// <summary>Rounds to what a type can hold.</summary>
    public static float Round(float value, DType type) => type switch
    {
        DType.BF16 => FromBf16(ToBf16(value)),
        DType.F16 => FromF16(ToF16(value)),
        _ => value,
    };

    /// <summary>True for the types that weights are computed from.</summary>
    public static bool IsFloat(DType type) => type is DType.F32 or DType.F16 or DType.BF16 or DType.F64;

    /// <summary>Element i of an array of F32, F16, BF16 or F64.</summary>
    public static float Read(nint address, long i, DType type) => type switch
    {
        DType.F32 => ((float*)address)[i],
        DType.BF16 => FromBf16(((ushort*)address)[i]),
        DType.F16 => FromF16(((ushort*)address)[i]),
        DType.F64 => (float)((double*)address)[i],
        _ => throw new ArgumentException($"not a floating-point type: {type}"),
    };

    /// <summary>Sets element i of an array of F32, F16 or BF16.</summary>
    public static void Write(nint address, long i, DType type, float value)
    {
        switch (type)
        {
            case DType.F32:
                ((float*)address)[i] = value;
                break;
            case DType.BF16:
                ((ushort*)address)[i] = ToBf16(value);
                break;
            case DType.F16:
                ((ushort*)address)[i] = ToF16(value);
                break;
            default:
                throw new ArgumentException($"not a type of activations: {type}");
        }
    }

    /// <summary>Reads a run of elements.</summary>
    public static void Read(Span<float> destination, nint address, long start, DType type)
    {
        switch (type)
        {
            case DType.F32:
                new ReadOnlySpan<float>((float*)address + start, destination.Length).CopyTo(destination);
                break;
            default:
                for (int i = 0; i < destination.Length; i++) destination[i] = Read(address, start + i, type);
                break;
        }
    }
}
