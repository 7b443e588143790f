using Engine.Memory;
using Engine.Quantization;

namespace Engine.Tests.Kernels;

/// <summary>Forms of weights and the ways in which checkpoints round what they are multiplied by.</summary>
internal static class RoundedInputData
{
    public static readonly (string Name, WeightCodes Codes)[] Forms =
    [
        ("w8 rows", new(8, 100_000, CodeScales.Plain, CodeScaleType.BF16, Zero: 128)),
        ("w4 g128", new(4, 128, CodeScales.Plain, CodeScaleType.BF16, Zero: 8)),
        ("fp8 rows", new(8, 100_000, CodeScales.Plain, CodeScaleType.F32, CodeValues.E4M3)),
        ("fp8 blocks", new(8, 128, CodeScales.Plain, CodeScaleType.F32, CodeValues.E4M3)),
        ("nvfp4", new(4, 16, CodeScales.SuperE4M3, CodeScaleType.F32, CodeValues.DoubledE2M1)),
    ];

    public static readonly InputScheme[] Schemes =
    [
        new(InputRounding.Int8Tensor, 0.03f), new(InputRounding.Int8Tensor, 0.02f, -37), new(InputRounding.Int8Token),
        new(InputRounding.Int8TokenZero), new(InputRounding.E4M3Tensor, 0.011f), new(InputRounding.E4M3Token),
        new(InputRounding.E4M3Group), new(InputRounding.NvFp4, 500f),
    ];
}
