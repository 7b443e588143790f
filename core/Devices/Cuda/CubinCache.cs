using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Engine.Devices.Cuda;

/// <summary>
/// Machine code on disk, by what it was made from. A file that is gone or damaged costs a compilation.
/// </summary>
internal sealed class CubinCache(string? folder)
{
    /// <summary>Environment variable that names the folder; "off" keeps nothing.</summary>
    public const string FolderVariable = "ENGINE_CUDA_CACHE";

    private const int HashBytes = 32;
    private const long FileBytesMax = 256L << 20;

    /// <summary>Where code is kept, or null.</summary>
    public string? Folder => folder;

    /// <summary>The folder of the environment: ENGINE_CUDA_CACHE, or engine/cuda in the user's cache.</summary>
    public static CubinCache OfEnvironment()
    {
        string? named = Environment.GetEnvironmentVariable(FolderVariable);
        if (named == "off") return new CubinCache(null);
        if (!string.IsNullOrEmpty(named)) return new CubinCache(named);
        string? root = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (string.IsNullOrEmpty(root))
        {
            string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            if (home.Length == 0) return new CubinCache(null);
            root = Path.Combine(home, ".cache");
        }

        return new CubinCache(Path.Combine(root, "engine", "cuda"));
    }

    /// <summary>The name of what a driver makes of PTX for a capability.</summary>
    public static string Key(byte[] ptx, int driverVersion, int capability)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(ptx);
        Span<byte> made = stackalloc byte[2 * sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(made, driverVersion);
        BinaryPrimitives.WriteInt32LittleEndian(made[sizeof(int)..], capability);
        hash.AppendData(made);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The code of a key, or null.</summary>
    public byte[]? Read(string key)
    {
        if (folder is null) return null;
        try
        {
            FileInfo file = new(PathOf(key));
            if (!file.Exists || file.Length <= HashBytes || file.Length > FileBytesMax) return null;
            byte[] all = File.ReadAllBytes(file.FullName);
            ReadOnlySpan<byte> code = all.AsSpan(HashBytes);
            // The file begins with the hash of the rest: half a write must not reach the driver.
            return SHA256.HashData(code).AsSpan().SequenceEqual(all.AsSpan(0, HashBytes)) ? code.ToArray() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps code; a folder that cannot be written is no error.</summary>
    public void Write(string key, byte[] code)
    {
        if (folder is null) return;
        try
        {
            Directory.CreateDirectory(folder);
            string path = PathOf(key), draft = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():N}";
            using (FileStream file = new(draft, FileMode.CreateNew, FileAccess.Write))
            {
                file.Write(SHA256.HashData(code));
                file.Write(code);
            }

            File.Move(draft, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return; // the next start compiles again
        }
    }

    private string PathOf(string key) => Path.Combine(folder!, key + ".cubin");
}
