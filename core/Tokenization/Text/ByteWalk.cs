namespace Engine.Tokenization.Text;

/// <summary>Turns lengths in UTF-8 bytes, one after another, into ranges of code points.</summary>
internal ref struct ByteWalk(ReadOnlySpan<int> codes)
{
    private readonly ReadOnlySpan<int> _codes = codes;
    private int _index;
    private int _bytesBefore;
    private int _position;

    /// <summary>The range that the next bytes touch; [Start, End) is never empty.</summary>
    /// <param name="bytes">Negative: looked at but not taken, the next token has them too.</param>
    public (int Start, int End) Take(int bytes)
    {
        if (bytes < 0)
        {
            ByteWalk peek = this;
            return peek.Take(-bytes);
        }

        Seek(_position);
        int start = _index;
        int last = _position + Math.Max(bytes, 1) - 1;
        _position += bytes;
        Seek(last);
        return (start, _index + 1);
    }

    private void Seek(int position)
    {
        while (_index + 1 < _codes.Length
            && _bytesBefore + CodePoints.Utf8Length(_codes[_index]) <= position)
        {
            _bytesBefore += CodePoints.Utf8Length(_codes[_index++]);
        }
    }
}
