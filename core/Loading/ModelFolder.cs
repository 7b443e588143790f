using Engine.Loading.Gguf;

namespace Engine.Loading;

/// <summary>
/// The folder of a model. Files are opened only if their real path lies inside it, or inside the
/// blobs folder of the hub cache that the folder is a snapshot of.
/// </summary>
internal sealed class ModelFolder
{
    private readonly string _realRoot;
    private readonly string? _blobs;

    public ModelFolder(string path)
    {
        if (!Directory.Exists(path))
        {
            throw new EngineException(EngineStatus.NotFound, $"{path}: no such folder", "model");
        }
        Root = Path.GetFullPath(path);
        _realRoot = RealPath(Root);
        string? parent = Path.GetDirectoryName(_realRoot);
        if (parent != null && Path.GetFileName(parent) == "snapshots")
        {
            _blobs = Path.Combine(Path.GetDirectoryName(parent)!, "blobs");
        }
    }

    private ModelFolder(string root, string realRoot, string? blobs)
    {
        Root = root;
        _realRoot = realRoot;
        _blobs = blobs;
    }

    public string Root { get; }

    /// <summary>A folder inside, by its plain name; null if it is not there.</summary>
    public ModelFolder? TryOpen(string name)
    {
        CheckName(name);
        string path = Path.Combine(Root, name);
        if (!Directory.Exists(path)) return null;
        return IsInside(RealPath(path), _realRoot)
            ? new ModelFolder(path, _realRoot, _blobs)
            : throw EngineException.Corrupt(name, "leads out of the model's folder");
    }

    /// <summary>The GGUF model that stands for the folder, opened; null where there are checkpoint files.</summary>
    public GgufModel? Gguf { get; init; }

    public bool Exists(string name) => File.Exists(Path.Combine(Root, name));

    /// <summary>The path of a file named by the engine or by a file of the folder.</summary>
    public string Resolve(string name)
    {
        CheckName(name);
        string path = Path.Combine(Root, name);
        if (!File.Exists(path))
        {
            throw new EngineException(EngineStatus.NotFound, $"{name}: no such file in {Root}", name);
        }
        string real = RealPath(path);
        bool inside = IsInside(real, _realRoot) || (_blobs != null && IsInside(real, _blobs));
        return inside
            ? path
            : throw EngineException.Corrupt(name, $"leads out of the model's folder, to {real}");
    }

    /// <summary>Text of a small file; null if it is not there.</summary>
    public byte[]? TryRead(string name, long bytesMax = 256 << 20)
    {
        if (!Exists(name)) return null;
        string path = Resolve(name);
        try
        {
            long bytes = new FileInfo(path).Length;
            if (bytes > bytesMax)
            {
                throw EngineException.Corrupt(name, $"expected at most {bytesMax} bytes, found {bytes}");
            }
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException(EngineStatus.Io, $"{path}: {e.Message}", name, e);
        }
    }

    private void CheckName(string name)
    {
        bool plain = name.Length is > 0 and <= 255 && name is not ("." or "..") && !name.Contains('\0') &&
            name.IndexOfAny(['/', '\\', ':']) < 0;
        if (!plain)
        {
            throw EngineException.Corrupt(
                Path.GetFileName(Root), $"expected the plain name of a file in the model's folder, found '{name}'");
        }
    }

    private static bool IsInside(string path, string folder) =>
        path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>The path with every symbolic link followed.</summary>
    internal static string RealPath(string path)
    {
        string full = Path.GetFullPath(path);
        string real = Path.GetPathRoot(full)!;
        Queue<string> rest = new(Split(full));
        int links = 0;
        while (rest.TryDequeue(out string? part))
        {
            string next = part == ".." ? Path.GetDirectoryName(real) ?? real : Path.Combine(real, part);
            string? target = Directory.Exists(next)
                ? new DirectoryInfo(next).LinkTarget
                : new FileInfo(next).LinkTarget;
            if (target is null)
            {
                real = next;
                continue;
            }
            if (++links > 40) throw new EngineException(EngineStatus.Io, $"{path}: too many links");
            if (Path.IsPathRooted(target)) real = Path.GetPathRoot(target)!;
            rest = new Queue<string>([.. Split(target), .. rest]);
        }
        return real;

        static IEnumerable<string> Split(string p) =>
            p[Path.GetPathRoot(p)!.Length..]
                .Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries)
                .Where(x => x != ".");
    }
}
