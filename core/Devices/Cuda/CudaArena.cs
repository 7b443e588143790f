namespace Engine.Devices.Cuda;

/// <summary>Device memory in few large allocations, cut into pieces aligned to 256 bytes. Thread-safe.</summary>
internal sealed class CudaArena(CudaContext context) : IDisposable
{
    public const int Alignment = 256;

    /// <summary>The least that is asked of the driver at once.</summary>
    public const long ChunkBytes = 2L << 20;

    private readonly Lock _lock = new();
    private readonly List<Chunk> _chunks = [];
    private Chunk? _open;
    private bool _isDisposed;

    /// <summary>Bytes that a piece takes.</summary>
    public static long Padded(long bytes) => (Math.Max(bytes, 1) + Alignment - 1) / Alignment * Alignment;

    /// <summary>Makes one allocation that the next pieces are cut from.</summary>
    public void Reserve(long bytes)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _open = Open(Padded(bytes));
        }
    }

    /// <summary>Not zeroed. Throws OutOfMemory.</summary>
    public Piece Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        long size = Padded(bytes);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_open is null || _open.Bytes - _open.Taken < size)
            {
                Chunk chunk = Open(Math.Max(size, ChunkBytes));
                // A piece that fills its chunk does not close one that has room.
                if (_open is null || chunk.Bytes > size) _open = chunk;
                return Cut(chunk, size);
            }

            return Cut(_open, size);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            foreach (Chunk chunk in _chunks) context.FreeDevice(chunk.Address);
            _chunks.Clear();
            _open = null;
        }
    }

    private Piece Cut(Chunk chunk, long size)
    {
        nint address = chunk.Address + (nint)chunk.Taken;
        chunk.Taken += size;
        chunk.LiveBytes += size;
        return new Piece(this, chunk, address, size);
    }

    private Chunk Open(long bytes)
    {
        Chunk chunk = new(context.AllocateDevice(bytes), bytes);
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
            context.FreeDevice(chunk.Address);
        }
    }

    /// <summary>One allocation; its owner disposes it once.</summary>
    internal sealed class Piece : IDisposable
    {
        private readonly Chunk _chunk;
        private readonly long _size;
        private CudaArena? _arena;

        internal Piece(CudaArena arena, Chunk chunk, nint address, long size)
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
