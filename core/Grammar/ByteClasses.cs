namespace Engine.Grammar;

/// <summary>Bytes that no edge of a network tells apart, as one class.</summary>
internal sealed class ByteClasses
{
    private readonly byte[] _classOf = new byte[256];
    private readonly int[] _onlyBytes;
    private readonly bool[] _isWhite;
    private readonly ulong[] _bits;

    public ByteClasses(IEnumerable<ByteEdge> edges)
    {
        var begins = new bool[257];
        begins[0] = true;
        foreach (ByteEdge edge in edges)
        {
            begins[edge.Low] = true;
            begins[edge.High + 1] = true;
        }

        int count = -1;
        for (int value = 0; value < 256; value++)
        {
            count += begins[value] ? 1 : 0;
            _classOf[value] = (byte)count;
        }

        Count = count + 1;
        _onlyBytes = new int[Count];
        _isWhite = new bool[Count];
        _bits = new ulong[4 * Count];
        Array.Fill(_onlyBytes, -2);
        Array.Fill(_isWhite, true);
        for (int value = 0; value < 256; value++)
        {
            ref int only = ref _onlyBytes[_classOf[value]];
            only = only == -2 ? value : -1;
            _bits[(4 * _classOf[value]) + (value >> 6)] |= 1ul << (value & 63);
            _isWhite[_classOf[value]] &= value is ' ' or '\n' or '\r' or '\t';
        }
    }

    public int Count { get; }

    /// <summary>The class of each byte.</summary>
    public ReadOnlySpan<byte> Of => _classOf;

    /// <summary>A bit for each byte of the classes that lead elsewhere.</summary>
    /// <param name="target">Where those lead that are left out.</param>
    /// <param name="row">Where the classes lead.</param>
    /// <param name="bits">[4] gets them.</param>
    public void BytesNot(int target, ReadOnlySpan<int> row, Span<ulong> bits)
    {
        bits.Clear();
        for (int byteClass = 0; byteClass < Count; byteClass++)
        {
            if (row[byteClass] != target)
            {
                for (int word = 0; word < 4; word++)
                {
                    bits[word] |= _bits[(4 * byteClass) + word];
                }
            }
        }
    }

    /// <summary>One byte for each class that has bytes of a range.</summary>
    public byte[] Within(ReadOnlySpan<(byte Low, byte High)> ranges)
    {
        var found = new List<byte>();
        foreach ((byte low, byte high) in ranges)
        {
            for (int value = low; value <= high; value++)
            {
                if (value == low || _classOf[value] != _classOf[value - 1])
                {
                    found.Add((byte)value);
                }
            }
        }

        return [.. found];
    }

    /// <summary>The byte of a class that has one alone; -1 if it has more.</summary>
    public int OnlyByte(int byteClass) => _onlyBytes[byteClass];

    /// <summary>True if a class has no bytes but JSON's white space.</summary>
    public bool IsWhite(int byteClass) => _isWhite[byteClass];

    /// <summary>The classes of some bytes.</summary>
    public byte[] Numbers(byte[] bytes) => [.. bytes.Select(value => _classOf[value])];
}
