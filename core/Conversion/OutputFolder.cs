using Engine.Loading;

namespace Engine.Conversion;

/// <summary>
/// A folder that a model is written to. Every file is written under another name and then renamed, config.json last:
/// a folder that is not done is no model.
/// </summary>
internal sealed class OutputFolder
{
    private const string Partial = ".partial";
    private const string Parameter = "out";
    private readonly string _path;
    private readonly HashSet<string> _written = new(StringComparer.Ordinal);

    /// <exception cref="EngineException">InvalidArgument: not empty, or the model's own folder; Io.</exception>
    public OutputFolder(string path, string modelFolder, bool overwrite)
    {
        if (string.IsNullOrWhiteSpace(path))
            throw EngineException.Invalid(Parameter, "expected a folder, found nothing");
        _path = Path.GetFullPath(path);
        Try(_path, () => Directory.CreateDirectory(_path));
        if (ModelFolder.RealPath(_path) == ModelFolder.RealPath(modelFolder))
            throw EngineException.Invalid(Parameter, $"expected another folder than the model's, found {_path}");
        bool isEmpty = true;
        Try(_path, () => isEmpty = !Directory.EnumerateFileSystemEntries(_path).Any());
        if (isEmpty) return;
        if (!overwrite)
        {
            throw EngineException.Invalid(
                Parameter, $"expected an empty folder, or --force (overwrite), found files in {_path}");
        }

        Try(_path, () => File.Delete(Path.Combine(_path, "config.json")));
    }

    /// <summary>Throws Io if so many bytes are known not to fit.</summary>
    public void CheckFree(long bytes)
    {
        long free;
        try
        {
            free = new DriveInfo(_path).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return; // who does not know finds out by writing
        }

        if (free < bytes)
        {
            throw new EngineException(
                EngineStatus.Io, $"{_path}: the model takes {bytes} bytes, {free} are free on that disk", Parameter);
        }
    }

    /// <summary>Writes a file by its plain name.</summary>
    public void Write(string name, Action<Stream> write)
    {
        string path = Path.Combine(_path, name), partial = path + Partial;
        try
        {
            Try(path, () =>
            {
                using (FileStream stream = new(partial, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16))
                {
                    write(stream);
                    stream.Flush(flushToDisk: true);
                }

                File.Move(partial, path, overwrite: true);
            });
        }
        catch
        {
            TryDelete(partial);
            throw;
        }

        _written.Add(name);
    }

    /// <summary>Deletes weights of an earlier model that are not part of this one.</summary>
    public void DeleteStale() => Try(_path, () =>
    {
        foreach (string file in Directory.EnumerateFiles(_path, "*.safetensors*").ToList())
        {
            if (!_written.Contains(Path.GetFileName(file))) File.Delete(file);
        }
    });

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The first error is the one to tell.
        }
    }

    private static void Try(string path, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new EngineException(EngineStatus.Io, $"{path}: cannot be written: {e.Message}", Parameter, e);
        }
    }
}
