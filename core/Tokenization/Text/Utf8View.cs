namespace Engine.Tokenization.Text;

/// <summary>Code points and their UTF-8 side by side.</summary>
internal sealed class Utf8View
{
    private readonly byte[] _bytes = [];
    private readonly int[] _offsets = [];

    /// <summary>Nothing is made unless needed.</summary>
    public Utf8View(ReadOnlySpan<int> codes, bool needed)
    {
        if (!needed)
        {
            return;
        }

        _offsets = new int[codes.Length + 1];
        for (int i = 0; i < codes.Length; i++)
        {
            _offsets[i + 1] = checked(_offsets[i] + CodePoints.Utf8Length(codes[i]));
        }

        _bytes = new byte[_offsets[codes.Length]];
        for (int i = 0; i < codes.Length; i++)
        {
            CodePoints.EncodeUtf8(codes[i], _bytes.AsSpan(_offsets[i]));
        }
    }

    /// <summary>The bytes from a code point on.</summary>
    public ReadOnlySpan<byte> From(int index) => _bytes.AsSpan(_offsets[index]);

    /// <summary>How many code points from an index on so many bytes are; at least 1.</summary>
    public int CodesIn(int index, int bytes)
    {
        int end = index + 1;
        while (_offsets[end] - _offsets[index] < bytes)
        {
            end++;
        }

        return end - index;
    }
}
