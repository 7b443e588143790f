using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace Engine.Loading;

/// <summary>
/// A file mapped read-only into memory. If another process truncates it afterwards, touching the lost
/// pages ends this process (SIGBUS): model files must not be changed in place while they are loaded.
/// </summary>
internal sealed unsafe partial class MappedFile : IDisposable
{
    private const int DontNeed = 4; // MADV_DONTNEED of Linux
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _address;

    public MappedFile(string path)
    {
        Path = path;
        try
        {
            using FileStream stream = new(
                path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            Bytes = stream.Length;
            if (Bytes == 0) return;
            _file = MemoryMappedFile.CreateFromFile(
                stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            _view = _file.CreateViewAccessor(0, Bytes, MemoryMappedFileAccess.Read);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _address);
            _address += _view.PointerOffset;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new EngineException(EngineStatus.NotFound, $"{path}: no such file", path, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            Dispose();
            throw new EngineException(EngineStatus.Io, $"{path}: {e.Message}", path, e);
        }
    }

    public string Path { get; }

    /// <summary>File name without its folder, for messages.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    public long Bytes { get; }

    public nint Address => (nint)_address;

    /// <summary>A part of the file; at most 2 GiB.</summary>
    public ReadOnlySpan<byte> Span(long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Bytes - length);
        return new ReadOnlySpan<byte>(_address + offset, length);
    }

    /// <summary>
    /// Gives resident pages back to the system, which keeps them in its cache as long as it likes: what was read is
    /// packed elsewhere by now. Reading them again is safe.
    /// </summary>
    public void DropPages()
    {
        if (_address != null && OperatingSystem.IsLinux())
        {
            // The view begins on a page. An error leaves the pages where they are, which is no harm.
            _ = Advise((nint)_address - (nint)_view!.PointerOffset, (nuint)(Bytes + _view.PointerOffset), DontNeed);
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint bytes, int advice);

    public void Dispose()
    {
        if (_address != null) _view!.SafeMemoryMappedViewHandle.ReleasePointer();
        _address = null;
        _view?.Dispose();
        _file?.Dispose();
    }
}
