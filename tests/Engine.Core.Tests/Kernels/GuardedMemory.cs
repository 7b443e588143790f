using System.Runtime.InteropServices;
using Engine.Memory;

namespace Engine.Tests.Kernels;

/// <summary>
/// Memory whose last byte is followed, and whose first page is preceded, by a page that cannot be touched:
/// a kernel that reads or writes past the end dies at once.
/// </summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int PageBytes = 4096;
    private readonly nint _mapping;
    private readonly nuint _length;

    public GuardedMemory(long bytes)
    {
        long pages = Math.Max(1, (bytes + PageBytes - 1) / PageBytes);
        _length = (nuint)((pages + 2) * PageBytes);
        const int Private = 2, Anonymous = 32;
        _mapping = Map(0, _length, 0, Private | Anonymous, -1, 0);
        if (_mapping == -1) throw new InvalidOperationException("mmap failed");
        const int ReadWrite = 3;
        if (Protect(_mapping + PageBytes, (nuint)(pages * PageBytes), ReadWrite) != 0)
        {
            throw new InvalidOperationException("mprotect failed");
        }

        Address = _mapping + (nint)(((pages + 1) * PageBytes) - bytes);
    }

    public nint Address { get; }

    public static GuardedMemory OfFloats(ReadOnlySpan<float> values)
    {
        var memory = new GuardedMemory((long)values.Length * sizeof(float));
        values.CopyTo(new Span<float>((void*)memory.Address, values.Length));
        return memory;
    }

    public Span<float> Floats(int count) => new((void*)Address, count);

    /// <summary>Rows whose last one ends at the guard; the memory holds no padding after it.</summary>
    public TensorView View(int rows, int columns, int stride) =>
        new(Address, DType.F32, rows, columns, stride);

    public void Dispose() => _ = Unmap(_mapping, _length);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}
