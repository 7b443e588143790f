using System.Runtime.InteropServices;
using Engine.Devices;
using Engine.Execution;
using Engine.Hosting;
using Engine.Loading;
using Engine.Memory;
using Engine.Quantization;

namespace Engine.Tests.Execution;

/// <summary>Which type and scales the KV cache takes from options and checkpoint.</summary>
internal sealed class KvCacheTypesTests
{
    [TestCase("auto", DType.BF16, null, DType.BF16)]
    [TestCase("auto", DType.BF16, DType.F8E4M3, DType.F8E4M3)]
    [TestCase("auto", DType.F32, DType.F8E4M3, DType.F32)]
    [TestCase("bfloat16", DType.F16, DType.F8E4M3, DType.BF16)]
    [TestCase("float16", DType.BF16, null, DType.F16)]
    [TestCase("float32", DType.BF16, null, DType.F32)]
    [TestCase("int8", DType.BF16, null, DType.I8)]
    [TestCase("fp8", DType.F32, null, DType.F8E4M3)]
    [TestCase("fp8_e4m3", DType.BF16, null, DType.F8E4M3)]
    public void ANameChoosesTheType(string name, DType compute, DType? stored, DType expected) =>
        Assert.That(KvCacheTypes.Choose(name, compute, stored), Is.EqualTo(expected));

    [Test]
    public void AnUnknownNameIsRefusedByName() =>
        Assert.That(
            () => KvCacheTypes.Choose("fp4", DType.BF16, null),
            Throws.TypeOf<EngineException>().With.Property("Parameter").EqualTo("kv_cache_dtype"));

    [TestCase("{\"quant_method\":\"compressed-tensors\",\"kv_cache_scheme\":{\"num_bits\":8,\"type\":\"float\"}}", DType.F8E4M3)]
    [TestCase("{\"quant_method\":\"compressed-tensors\",\"kv_cache_scheme\":{\"num_bits\":8,\"type\":\"int\"}}", null)]
    [TestCase("{\"quant_method\":\"compressed-tensors\",\"kv_cache_scheme\":null}", null)]
    [TestCase("{\"quant_method\":\"modelopt\",\"kv_cache_quant_algo\":\"FP8\"}", DType.F8E4M3)]
    [TestCase("{\"quant_method\":\"modelopt\",\"kv_cache_quant_algo\":\"NVFP4\"}", null)]
    [TestCase("{\"quant_method\":\"modelopt\",\"quantization\":{\"kv_cache_quant_algo\":\"FP8\"}}", DType.F8E4M3)]
    public void ACheckpointMayAskForEightBits(string config, DType? expected)
    {
        string folder = Directory.CreateTempSubdirectory("engine-test-").FullName;
        File.WriteAllText(Path.Combine(folder, "config.json"), $"{{\"quantization_config\":{config}}}");
        QuantizationSettings? settings = QuantizationSettings.Read(new ModelFolder(folder));
        Directory.Delete(folder, recursive: true);
        Assert.That(settings!.KvCacheType, Is.EqualTo(expected));
    }

    [Test]
    public void ScalesAreFoundUnderTheAttentionItsProjectionsAndTheOldName()
    {
        using var data = new Scalars(2, 3, 4, 5, 6);
        KvScales scales = new(
        [
            data.Tensor("model.layers.0.self_attn.k_scale", 0, 1), data.Tensor("model.layers.0.self_attn.v_scale", 1, 1),
            data.Tensor("model.layers.1.self_attn.k_proj.k_scale", 2), data.Tensor("model.layers.1.self_attn.v_proj.v_scale", 3),
            data.Tensor("model.layers.11.self_attn.kv_scale", 4),
        ]);
        Assert.That(
            new[] { 0, 1, 2, 11 }.Select(scales.Of),
            Is.EqualTo(new[] { new KvScale(2, 3), new KvScale(4, 5), new KvScale(1, 1), new KvScale(6, 6) }));
    }

    [TestCase(-1f, 1)]
    [TestCase(0f, 1)]
    [TestCase(float.PositiveInfinity, 1)]
    [TestCase(1f, 4)]
    public void AScaleThatIsNoNumberAboveZeroIsRefusedWhereItCounts(float value, int count)
    {
        using var data = new Scalars([.. Enumerable.Repeat(value, count)]);
        KvScales scales = new([data.Tensor("model.layers.0.self_attn.k_scale", 0, count)]);
        KvLayout layout = new([(2, 16)], null, [scales.Of(0)]);
        Assert.Multiple(() =>
        {
            Assert.That(layout.Shape(new EngineOptions { KvCacheDtype = "int8" }, DType.BF16).Scales, Is.Empty);
            Assert.That(
                () => layout.Shape(new EngineOptions { KvCacheDtype = "fp8" }, DType.BF16),
                Throws.TypeOf<EngineException>().With.Property("Parameter").EqualTo("kv_cache_dtype"));
        });
    }

    [TestCase("int8", 64 + 4)]
    [TestCase("fp8", 64)]
    [TestCase("bfloat16", 128)]
    public void ThePlanCountsTheBytesOfAType(string type, int bytesPerHead)
    {
        string folder = Path.Combine(TestPaths.Data, "quantized", "kv-cache");
        EngineOptions options = new() { KvCacheDtype = type, NumBlocks = 8, MaxModelLen = 64 };
        MemoryPlan plan = MemoryPlan.Compute(new ModelLoadOptions { Model = folder }, options);
        const int layers = 2, kvHeads = 2, tokens = 8 * 16;
        Assert.That(plan.KvCacheBytes, Is.EqualTo(2L * layers * kvHeads * tokens * bytesPerHead));
    }

    private sealed unsafe class Scalars : IDisposable
    {
        private readonly float* _values;

        public Scalars(params float[] values)
        {
            _values = (float*)NativeMemory.Alloc((nuint)values.Length, sizeof(float));
            values.CopyTo(new Span<float>(_values, values.Length));
        }

        public SafetensorsTensor Tensor(string name, int index, params long[] shape) => new()
        {
            Name = name,
            File = "test",
            Type = DType.F32,
            Shape = shape,
            Offset = 0,
            Bytes = sizeof(float),
            Address = (nint)(_values + index),
        };

        public void Dispose() => NativeMemory.Free(_values);
    }
}
