namespace Engine.Memory;

/// <summary>Element types of tensors, on disk and in memory.</summary>
public enum DType
{
    /// <summary>IEEE binary32.</summary>
    F32 = 0,

    /// <summary>IEEE binary16.</summary>
    F16 = 1,

    /// <summary>bfloat16.</summary>
    BF16 = 2,

    /// <summary>IEEE binary64.</summary>
    F64 = 3,

    /// <summary>Signed bytes.</summary>
    I8 = 4,

    /// <summary>Unsigned bytes.</summary>
    U8 = 5,

    /// <summary>Signed 16 bits.</summary>
    I16 = 6,

    /// <summary>Signed 32 bits.</summary>
    I32 = 7,

    /// <summary>Signed 64 bits.</summary>
    I64 = 8,

    /// <summary>8-bit float, 4 exponent bits, finite (OCP e4m3fn).</summary>
    F8E4M3 = 9,

    /// <summary>8-bit float, 5 exponent bits (OCP e5m2).</summary>
    F8E5M2 = 10,

    /// <summary>One byte per truth value.</summary>
    Bool = 11,

    /// <summary>Unsigned 16 bits.</summary>
    U16 = 12,

    /// <summary>Unsigned 32 bits.</summary>
    U32 = 13,

    /// <summary>Unsigned 64 bits.</summary>
    U64 = 14,

    /// <summary>A power of two in 8 bits (OCP e8m0), a scale of microscaling formats.</summary>
    F8E8M0 = 15,
}

/// <summary>Facts about element types.</summary>
public static class DTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int SizeOf(this DType type) => type switch
    {
        DType.F64 or DType.I64 or DType.U64 => 8,
        DType.F32 or DType.I32 or DType.U32 => 4,
        DType.F16 or DType.BF16 or DType.I16 or DType.U16 => 2,
        _ => 1,
    };
}
