using Engine.Memory;
using Engine.Quantization;

namespace Engine.Tests.Kernels;

/// <summary>A matrix of random codes and scales of some form, and how large its terms are.</summary>
internal sealed class RandomCodes : WeightMatrix
{
    private static readonly int[] Iq4 = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
    private static readonly int[] Doubled = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];
    private readonly byte[] _codes;
    private readonly float[] _scales;
    private readonly float[] _mins;
    private readonly byte[] _zeros;
    private readonly sbyte[] _subs;
    private readonly byte[] _subMins;
    private readonly int _numGroups;
    private readonly int _numScales;

    public RandomCodes(WeightCodes codes, int n, int k, int seed, bool isReordered = false)
        : base(n, k)
    {
        Codes = codes;
        var random = new Random(seed);
        bool isSuper = codes.Scales >= CodeScales.Super;
        _numGroups = (k + codes.GroupSize - 1) / codes.GroupSize;
        _numScales = isSuper ? (k + 255) / 256 : _numGroups;
        _codes = new byte[n * k];
        for (int i = 0; i < _codes.Length; i++) _codes[i] = (byte)random.Next(1 << codes.Bits);
        if (codes.Values == CodeValues.E4M3)
        {
            for (int i = 0; i < _codes.Length; i++) _codes[i] = (_codes[i] & 0x7F) == 0x7F ? (byte)8 : _codes[i];
        }

        _scales = Floats(random, n * _numScales, codes.ScaleType);
        _mins = Floats(random, n * _numScales, codes.ScaleType);
        _zeros = new byte[n * _numGroups];
        _subs = new sbyte[n * _numGroups];
        _subMins = new byte[n * _numGroups];
        for (int i = 0; i < _zeros.Length; i++)
        {
            _zeros[i] = (byte)random.Next((1 << codes.Bits) + 1);
            bool isFloat = codes.Scales == CodeScales.SuperE4M3;
            _subs[i] = (sbyte)(isFloat ? random.Next(0x7F) : random.Next(-128, 128));
            _subMins[i] = (byte)random.Next(256);
        }

        if (isReordered)
        {
            InputOrder = [.. Enumerable.Range(0, k)];
            random.Shuffle(InputOrder);
        }
    }

    /// <summary>Weights as products of bf16 see them.</summary>
    public bool RoundsTables { get; set; }

    public override WeightCodes? Codes { get; }

    public override int[]? InputOrder { get; }

    private static float[] Floats(Random random, int count, CodeScaleType type)
    {
        DType held = type switch
        {
            CodeScaleType.F16 => DType.F16,
            CodeScaleType.BF16 => DType.BF16,
            _ => DType.F32,
        };
        var values = new float[count];
        for (int i = 0; i < count; i++) values[i] = FloatBits.Round((random.NextSingle() - 0.3f) * 0.1f, held);
        return values;
    }

    public override void Dequantize(int row, Span<float> destination) => Terms(row, destination, null);

    /// <summary>Sizes of the terms that a weight is made of, which errors are measured against.</summary>
    public float[] Magnitudes(int row)
    {
        var sizes = new float[K];
        Terms(row, new float[K], sizes);
        return sizes;
    }

    private void Terms(int row, Span<float> values, float[]? sizes)
    {
        for (int at = 0; at < K; at++)
        {
            int g = (row * _numGroups) + (at / Codes!.GroupSize);
            int s = Codes.Scales >= CodeScales.Super ? (row * _numScales) + (at / 256) : g;
            int code = _codes[(row * K) + at];
            float value = Codes.Values switch
            {
                CodeValues.Iq4 => Iq4[code],
                CodeValues.DoubledE2M1 => Doubled[code],
                CodeValues.E4M3 => SmallFloats.E4M3[code],
                CodeValues.Nf4 when RoundsTables =>
                    KernelData.Round(SmallFloats.Nf4[code] * 1.43701172f, DType.BF16) / 1.43701172f,
                CodeValues.Nf4 => SmallFloats.Nf4[code],
                CodeValues.Fp4 => SmallFloats.Fp4[code],
                CodeValues.Grid2 or CodeValues.Grid3 or CodeValues.Grid3S =>
                    GgufGridBlocks.Coordinates(Codes.Values)[code],
                _ => code,
            };
            (float a, float b) = Codes.Scales switch
            {
                CodeScales.Plain => (_scales[s] * (value - Codes.Zero), 0f),
                CodeScales.Zero => (_scales[s] * (value - _zeros[g]), 0f),
                CodeScales.Min => (_scales[s] * value, _mins[s]),
                CodeScales.Super => (_scales[s] * _subs[g] * (value - Codes.Zero), 0f),
                CodeScales.SuperE4M3 => (_scales[s] * SmallFloats.E4M3[(byte)_subs[g]] * value, 0f),
                _ => (_scales[s] * _subs[g] * value, -(_mins[s] * _subMins[g])),
            };
            int input = InputOrder?[at] ?? at;
            values[input] = a + b;
            if (sizes is null) continue;
            float product = Math.Abs(_scales[s] * (Codes.Scales == CodeScales.Zero ? value + _zeros[g] : 0));
            sizes[input] = Math.Abs(a) + Math.Abs(b) + product;
        }
    }

    public override void ReadCodes(int row, in CodeRow target)
    {
        _codes.AsSpan(row * K, K).CopyTo(target.Codes);
        _scales.AsSpan(row * _numScales, _numScales).CopyTo(target.Scales);
        Copy(_mins.AsSpan(row * _numScales, _numScales), target.Mins);
        Copy(_zeros.AsSpan(row * _numGroups, _numGroups), target.Zeros);
        Copy(_subs.AsSpan(row * _numGroups, _numGroups), target.Subs);
        Copy(_subMins.AsSpan(row * _numGroups, _numGroups), target.SubMins);
    }

    // What a form does not use may be empty.
    private static void Copy<T>(ReadOnlySpan<T> from, Span<T> to)
    {
        if (to.Length > 0) from.CopyTo(to);
    }
}
