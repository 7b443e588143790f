namespace Engine.Memory;

/// <summary>
/// Cuts pieces out of large allocations. An allocation is given back when its last piece is freed. Thread-safe;
/// used while loading, never in a step.
/// </summary>
/// <param name="chunkBytes">The least that is allocated at once.</param>
/// <param name="alignment">Of every piece.</param>
internal abstract class Arena(long chunkBytes, long alignment) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<Chunk> _chunks = [];
    private Chunk? _open;
    private bool _isDisposed;

    /// <summary>Bytes handed out and not yet freed.</summary>
    public long UsedBytes
    {
        get
        {
            lock (_lock) return _chunks.Sum(c => c.LiveBytes);
        }
    }

    /// <summary>Makes one allocation that the next pieces are cut from. Throws OutOfMemory.</summary>
    public void Reserve(long bytes)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            // Reserved before for what then failed to come.
            if (_open is { Taken: 0 } && _chunks.Remove(_open))
            {
                Chunk unused = _open;
                _open = null;
                Unmap(unused.Address, unused.Bytes);
            }

            _open = Open(Pad(bytes, alignment));
        }
    }

    /// <summary>Throws OutOfMemory.</summary>
    public Piece Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        long size = Pad(bytes, alignment);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_open is null || _open.Bytes - _open.Taken < size)
            {
                Chunk chunk = Open(Math.Max(size, chunkBytes));
                // A piece that fills its chunk does not close one that has room.
                if (_open is null || chunk.Bytes > size) _open = chunk;
                return Cut(chunk, size);
            }

            return Cut(_open, size);
        }
    }

    /// <summary>Gives every allocation back; pieces still out are then invalid.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            foreach (Chunk chunk in _chunks) Unmap(chunk.Address, chunk.Bytes);
            _chunks.Clear();
            _open = null;
        }
    }

    /// <summary>Throws OutOfMemory.</summary>
    protected abstract nint Map(long bytes);

    protected abstract void Unmap(nint address, long bytes);

    /// <summary>Bytes that a piece takes.</summary>
    protected static long Pad(long bytes, long alignment) =>
        checked(Math.Max(bytes, 1) + alignment - 1) / alignment * alignment;

    private Piece Cut(Chunk chunk, long size)
    {
        nint address = chunk.Address + (nint)chunk.Taken;
        chunk.Taken += size;
        chunk.LiveBytes += size;
        return new Piece(this, chunk, address, size);
    }

    private Chunk Open(long bytes)
    {
        Chunk chunk = new(Map(bytes), bytes);
        _chunks.Add(chunk);
        return chunk;
    }

    private void Free(Chunk chunk, long bytes)
    {
        lock (_lock)
        {
            chunk.LiveBytes -= bytes;
            if (_isDisposed || chunk.LiveBytes > 0) return;
            _chunks.Remove(chunk);
            if (_open == chunk) _open = null;
            Unmap(chunk.Address, chunk.Bytes);
        }
    }

    /// <summary>One allocation; its owner disposes it once.</summary>
    internal sealed class Piece : IDisposable
    {
        private readonly Chunk _chunk;
        private readonly long _size;
        private Arena? _arena;

        internal Piece(Arena arena, Chunk chunk, nint address, long size)
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
