namespace Engine.Grammar;

/// <summary>Bytes that no edge of a network tells apart, as one class.</summary>
internal sealed class ByteClasses
{
    private readonly byte[] _classOf = new byte[256];

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
    }

    public int Count { get; }

    /// <summary>The class of each byte.</summary>
    public ReadOnlySpan<byte> Of => _classOf;

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

    /// <summary>The classes of some bytes.</summary>
    public byte[] Numbers(byte[] bytes) => [.. bytes.Select(value => _classOf[value])];
}
