namespace Engine.Benchmarks;

/// <summary>How a benchmark holds its weights.</summary>
public enum WeightForm
{
    /// <summary>Floats.</summary>
    F32,

    /// <summary>Half precision, multiplied in f32.</summary>
    F16,

    /// <summary>bfloat16, with the dot product where the machine has it.</summary>
    BF16,

    /// <summary>8 bits in groups of 32.</summary>
    Int8,

    /// <summary>4 bits in groups of 32.</summary>
    Int4,
}
