using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Engine.Devices.Cuda;

namespace Engine.Tests.Devices.Cuda;

/// <summary>What the host believes of the kernels, against the PTX and the C headers.</summary>
[TestFixture]
internal sealed partial class CudaContractTests
{
    private static readonly (string Stem, int Bytes)[] _structures =
    [
        ("ekc_embed_f32", Unsafe.SizeOf<EmbedArguments>()),
        ("ekc_embed_f16", Unsafe.SizeOf<EmbedArguments>()),
        ("ekc_embed_bf16", Unsafe.SizeOf<EmbedArguments>()),
        ("ekc_rms_norm", Unsafe.SizeOf<RmsNormArguments>()),
        ("ekc_add_rms_norm", Unsafe.SizeOf<RmsNormArguments>()),
        ("ekc_layer_norm", Unsafe.SizeOf<LayerNormArguments>()),
        ("ekc_map", Unsafe.SizeOf<MapArguments>()),
        ("ekc_add_scaled", Unsafe.SizeOf<CombineArguments>()),
        ("ekc_activate_multiply", Unsafe.SizeOf<CombineArguments>()),
        ("ekc_rope", Unsafe.SizeOf<RopeArguments>()),
        ("ekc_kv_rope", Unsafe.SizeOf<KvRopeArguments>()),
        ("ekc_write_kv", Unsafe.SizeOf<WriteKvArguments>()),
        ("ekc_copy_blocks", Unsafe.SizeOf<CopyBlocksArguments>()),
        ("ekc_gather_rows", Unsafe.SizeOf<GatherRowsArguments>()),
        ("ekc_linear_any", Unsafe.SizeOf<LinearArguments>()),
        ("ekc_linear_tiled", Unsafe.SizeOf<LinearArguments>()),
        ("ekc_linear_skinny", Unsafe.SizeOf<LinearArguments>()),
        .. CudaWgmma.TileRows.Select(r => ($"ekc_linear_wgmma{r}", Unsafe.SizeOf<LinearWgmmaArguments>())),
        ("ekc_linear_w8a8", Unsafe.SizeOf<W8A8Arguments>()),
        .. CudaWgmma.TileRows.Select(r => ($"ekc_linear_w8a8_wgmma{r}", Unsafe.SizeOf<W8A8WgmmaArguments>())),
        ("ekc_linear_w8a8_wgmma_pair128", Unsafe.SizeOf<W8A8WgmmaArguments>()),
        ("ekc_round_inputs", Unsafe.SizeOf<RoundInputsArguments>()),
        ("ekc_round_values", Unsafe.SizeOf<RoundInputsArguments>()),
        ("ekc_linear_wgmma_pair128", Unsafe.SizeOf<LinearWgmmaArguments>()),
        ("ekc_permute_columns", Unsafe.SizeOf<PermuteColumnsArguments>()),
        ("ekc_linear_i4", Unsafe.SizeOf<QuantizedLinearArguments>()),
        ("ekc_linear_i8", Unsafe.SizeOf<QuantizedLinearArguments>()),
        ("ekc_linear_t4", Unsafe.SizeOf<QuantizedLinearArguments>()),
        ("ekc_linear_e4m3", Unsafe.SizeOf<QuantizedLinearArguments>()),
        ("ekc_embed_i4", Unsafe.SizeOf<QuantizedEmbedArguments>()),
        ("ekc_embed_i8", Unsafe.SizeOf<QuantizedEmbedArguments>()),
        ("ekc_embed_t4", Unsafe.SizeOf<QuantizedEmbedArguments>()),
        ("ekc_embed_e4m3", Unsafe.SizeOf<QuantizedEmbedArguments>()),
        ("ekc_attention", Unsafe.SizeOf<AttentionArguments>()),
        ("ekc_sample", Unsafe.SizeOf<SampleArguments>()),
        ("ekc_edit_logits", Unsafe.SizeOf<EditLogitsArguments>()),
        ("ekc_logprobs", Unsafe.SizeOf<LogprobsArguments>()),
    ];

    private static string? StemOf(string kernel) => _structures
        .Select(s => s.Stem)
        .Where(stem => kernel == stem || kernel.StartsWith(stem + "_", StringComparison.Ordinal))
        .MaxBy(stem => stem.Length);

    [GeneratedRegex(@"\.entry (\w+)\(\s*\.param \.align \d+ \.b8 \w+_param_0\[(\d+)\]")]
    private static partial Regex Entry { get; }

    [TestCase(80)]
    [TestCase(90)]
    [TestCase(100)]
    public void Every_structure_has_the_size_that_its_kernel_declares(int capability)
    {
        Dictionary<string, int> declared = [];
        foreach ((string module, string target) in CudaImages.Targets(capability)
            .SelectMany(t => CudaImages.Embedded.Modules(t).Select(m => (m, t))))
        {
            string text = Encoding.UTF8.GetString(CudaImages.Embedded.Read(module, target));
            foreach (Match m in Entry.Matches(text)) declared[m.Groups[1].Value] = int.Parse(m.Groups[2].Value);
        }

        Assert.That(declared, Is.Not.Empty, "the build has no PTX: is clang-19 there?");
        Assert.Multiple(() =>
        {
            foreach ((string stem, int bytes) in _structures)
            {
                string[] kernels = [.. declared.Keys.Where(k => StemOf(k) == stem)];
                if (stem.Contains("wgmma") && capability != 90) Assert.That(kernels, Is.Empty, stem);
                else Assert.That(kernels, Is.Not.Empty, stem);
                foreach (string kernel in kernels) Assert.That(declared[kernel], Is.EqualTo(bytes), kernel);
            }
        });
    }

    [Test]
    public void Shared_memory_is_what_the_headers_say()
    {
        Assert.Multiple(() =>
        {
            Assert.That(FakeCuda.SharedBytes(0), Is.EqualTo(CudaDevice.LinearAnySharedBytes));
            Assert.That(FakeCuda.SharedBytes(1), Is.EqualTo(CudaDevice.LinearTiledSharedBytes));
            Assert.That(FakeCuda.SharedBytes(2), Is.EqualTo(CudaDevice.AttentionAnySharedBytes));
            Assert.That(FakeCuda.SharedBytes(6), Is.EqualTo(CudaDevice.LinearSkinnySharedBytes));
            Assert.That(FakeCuda.SharedBytes(7), Is.EqualTo(CudaDevice.LinearSkinnyMaxK));
            Assert.That(FakeCuda.SharedBytes(-1), Is.EqualTo(CudaDevice.SampleSharedBytes));
            Assert.That(FakeCuda.SharedBytes(10), Is.EqualTo(CudaDevice.AttentionBulkSharedBytes));
            Assert.That(FakeCuda.SharedBytes(12), Is.EqualTo(CudaDevice.RoundSharedBytes));
            Assert.That(FakeCuda.SharedBytes(13), Is.EqualTo(CudaDevice.W8A8MaxK));
            Assert.That(FakeCuda.SharedBytes(14), Is.EqualTo(CudaDevice.InputGroup));
            Assert.That(FakeCuda.SharedBytes(16), Is.EqualTo(CudaDevice.CodesTiledSharedBytes));
            Assert.That(FakeCuda.SharedBytes(17, 4), Is.EqualTo(CudaDevice.CodesSkinnySharedBytes(4)));
            Assert.That(FakeCuda.SharedBytes(17, 8), Is.EqualTo(CudaDevice.CodesSkinnySharedBytes(8)));
            foreach (int rows in CudaWgmma.TileRows)
            {
                Assert.That(CudaWgmma.SharedBytes(rows), Is.EqualTo(FakeCuda.SharedBytes(11, rows)));
            }

            foreach (int columns in (int[])[64, 128, 192, 256])
            {
                Assert.That(
                    CudaDevice.AttentionTiledSharedBytes(columns, false),
                    Is.EqualTo(FakeCuda.SharedBytes(3, columns)));
                Assert.That(
                    CudaDevice.AttentionSplitSharedBytes(columns, false),
                    Is.EqualTo(FakeCuda.SharedBytes(4, columns)));
                Assert.That(
                    CudaDevice.AttentionTiledSharedBytes(columns, true),
                    Is.EqualTo(FakeCuda.SharedBytes(8, columns)));
                Assert.That(
                    CudaDevice.AttentionSplitSharedBytes(columns, true),
                    Is.EqualTo(FakeCuda.SharedBytes(9, columns)));
                Assert.That(
                    CudaDevice.AttentionWgmmaSharedBytes(columns), Is.EqualTo(FakeCuda.SharedBytes(15, columns)));
            }
        });
    }

    [Test]
    public void Launch_structures_have_the_driver_s_sizes()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Unsafe.SizeOf<CudaLaunch>(), Is.EqualTo(56));
            Assert.That(Unsafe.SizeOf<CudaLaunchAttribute>(), Is.EqualTo(72));
            Assert.That((int)Marshal.OffsetOf<CudaLaunchAttribute>(nameof(CudaLaunchAttribute.X)), Is.EqualTo(8));
            Assert.That((int)Marshal.OffsetOf<CudaLaunch>(nameof(CudaLaunch.Stream)), Is.EqualTo(32));
            Assert.That((int)Marshal.OffsetOf<CudaLaunch>(nameof(CudaLaunch.NumAttributes)), Is.EqualTo(48));
        });
    }
}
