using System.IO.Compression;
using System.Text;

namespace Engine.Devices.Cuda;

/// <summary>Code for GPUs: PTX by module and target. Tests bring their own.</summary>
internal abstract class CudaImages
{
    /// <summary>What this library has embedded.</summary>
    public static CudaImages Embedded { get; } = new EmbeddedImages();

    /// <summary>Modules that exist for a target ("sm_80").</summary>
    public abstract IReadOnlyList<string> Modules(string target);

    /// <summary>The PTX of a module, UTF-8 with a zero byte at its end.</summary>
    public abstract byte[] Read(string module, string target);

    /// <summary>Names of a module's kernels.</summary>
    public virtual IEnumerable<string> Kernels(string module, string target) => Entries(Read(module, target));

    /// <summary>Targets that a GPU takes, best first; sm_90a runs on 9.0 alone, others on all that follow.</summary>
    public static IReadOnlyList<string> Targets(int capability) => capability switch
    {
        90 => ["sm_90a", "sm_90", "sm_89", "sm_80"],
        >= 90 => ["sm_90", "sm_89", "sm_80"],
        89 => ["sm_89", "sm_80"],
        _ => ["sm_80"],
    };

    /// <summary>True if a target's kernels wait for the launches in front of them (griddepcontrol).</summary>
    public static bool Waits(string target) => target.StartsWith("sm_9", StringComparison.Ordinal);

    /// <summary>Names of the kernels in PTX.</summary>
    public static IEnumerable<string> Entries(byte[] ptx)
    {
        const string Directive = ".entry ";
        string text = Encoding.UTF8.GetString(ptx);
        int at = 0;
        while ((at = text.IndexOf(Directive, at, StringComparison.Ordinal)) >= 0)
        {
            at += Directive.Length;
            int end = text.AsSpan(at).IndexOfAny(" (\r\n\t");
            if (end < 0) yield break;
            yield return text.Substring(at, end);
            at += end;
        }
    }

    private sealed class EmbeddedImages : CudaImages
    {
        private const string Prefix = "Engine.Devices.Cuda.";
        private const string Suffix = ".ptx.gz";

        public override IReadOnlyList<string> Modules(string target)
        {
            string end = $".{target}{Suffix}";
            return
            [
                .. typeof(CudaImages).Assembly.GetManifestResourceNames()
                    .Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)
                        && n.EndsWith(end, StringComparison.Ordinal))
                    .Select(n => n[Prefix.Length..^end.Length]).Order(StringComparer.Ordinal),
            ];
        }

        public override byte[] Read(string module, string target)
        {
            using Stream stream = Open($"{Prefix}{module}.{target}{Suffix}");
            using GZipStream text = new(stream, CompressionMode.Decompress);
            using MemoryStream all = new();
            text.CopyTo(all);
            all.WriteByte(0);
            return all.ToArray();
        }

        // Written by the build: opening a device unpacks nothing.
        public override IEnumerable<string> Kernels(string module, string target)
        {
            using StreamReader names = new(Open($"{Prefix}{module}.{target}.entries"));
            while (names.ReadLine() is string name) yield return name;
        }

        private static Stream Open(string name) => typeof(CudaImages).Assembly.GetManifestResourceStream(name)
            ?? throw new EngineException(EngineStatus.Internal, $"no resource {name}");
    }
}
