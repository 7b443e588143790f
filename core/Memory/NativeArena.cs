using Engine.Devices.Cpu;

namespace Engine.Memory;

/// <summary>
/// Hands out pieces of large mappings (2 MB aligned, huge pages asked for), so that many weights share
/// pages and a thousand small ones cost no more than their bytes. A mapping is given back when its last
/// piece is freed. Thread-safe; used while loading, never in a step.
/// </summary>
/// <param name="interleaves">Pages are spread over all NUMA nodes.</param>
internal sealed class NativeArena(bool interleaves = false) : IDisposable
{
    private const long ChunkBytes = 64L << 20;
    private const long Alignment = 64;

    private readonly Lock _lock = new();
    private readonly List<Chunk> _chunks = [];
    private Chunk? _open;
    private bool _disposed;

    /// <summary>Bytes handed out and not yet freed.</summary>
    public long UsedBytes
    {
        get
        {
            lock (_lock) return _chunks.Sum(c => c.LiveBytes);
        }
    }

    /// <summary>Zeroed memory, 64-byte aligned. Throws OutOfMemory.</summary>
    public Piece Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        long size = checked(Math.Max(bytes, 1) + Alignment - 1) / Alignment * Alignment;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_open is null || _open.Bytes - _open.Taken < size)
            {
                _open = Map(Math.Max(size, ChunkBytes));
            }

            Chunk chunk = _open;
            nint address = chunk.Address + (nint)chunk.Taken;
            chunk.Taken += size;
            chunk.LiveBytes += size;
            return new Piece(this, chunk, address, size);
        }
    }

    /// <summary>Gives every mapping back; pieces still out are then invalid.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (Chunk chunk in _chunks) CpuKernels.Unmap(chunk.Address, chunk.Bytes);
            _chunks.Clear();
            _open = null;
        }
    }

    private Chunk Map(long bytes)
    {
        nint address = CpuKernels.Map(bytes);
        if (address == 0)
        {
            throw new EngineException(EngineStatus.OutOfMemory, $"cannot map {bytes} bytes of memory");
        }

        // Where it cannot be done there is one node.
        if (interleaves) _ = CpuKernels.Interleave(address, bytes);
        var chunk = new Chunk(address, bytes);
        _chunks.Add(chunk);
        return chunk;
    }

    private void Free(Chunk chunk, long bytes)
    {
        lock (_lock)
        {
            if (_disposed) return;
            chunk.LiveBytes -= bytes;
            if (chunk.LiveBytes > 0) return;
            _chunks.Remove(chunk);
            if (_open == chunk) _open = null;
            CpuKernels.Unmap(chunk.Address, chunk.Bytes);
        }
    }

    /// <summary>One allocation; its owner disposes it once.</summary>
    internal sealed class Piece : IDisposable
    {
        private NativeArena? _arena;
        private readonly Chunk _chunk;
        private readonly long _size;

        internal Piece(NativeArena arena, Chunk chunk, nint address, long size)
        {
            _arena = arena;
            _chunk = chunk;
            _size = size;
            Address = address;
        }

        public nint Address { get; }

        public void Dispose() => Interlocked.Exchange(ref _arena, null)?.Free(_chunk, _size);
    }

    internal sealed class Chunk(nint address, long bytes)
    {
        public nint Address { get; } = address;

        public long Bytes { get; } = bytes;

        public long Taken { get; set; }

        public long LiveBytes { get; set; }
    }
}
