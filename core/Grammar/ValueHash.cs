using System.Numerics;

namespace Engine.Grammar;

/// <summary>
/// 128 bits that stand for a JSON value: the same for all spellings of a value, other ones for other values. Two values
/// with the same bits would only keep one that is new out of an array; the same value twice is found for certain.
/// </summary>
internal readonly record struct ValueHash(ulong A, ulong B)
{
    /// <summary>Of a kind of value, before what it is made of.</summary>
    public static ValueHash Of(char kind) => default(ValueHash).With(kind);

    public ValueHash With(ulong part) => new(
        BitOperations.RotateLeft((A ^ part) * 0x9E3779B97F4A7C15, 29) + 0x632BE59BD9B4E019,
        BitOperations.RotateLeft((B + part) * 0xC2B2AE3D27D4EB4F, 31) ^ 0x165667B19E3779F9);

    public ValueHash With(ValueHash part) => With(part.A).With(part.B);
}
