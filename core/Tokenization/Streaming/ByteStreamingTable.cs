using Engine.Tokenization.Text;

namespace Engine.Tokenization;

/// <summary>For byte-level vocabularies: output is a stream of bytes.</summary>
internal sealed class ByteStreamingTable : StreamingTable
{
    private readonly byte[]?[] _bytes;

    // The text of tokens that are whole characters, made when first seen.
    private readonly string?[] _texts;

    public ByteStreamingTable(string?[] tokens)
    {
        _bytes = new byte[tokens.Length][];
        _texts = new string[tokens.Length];
        for (int i = 0; i < tokens.Length; i++)
        {
            _bytes[i] = tokens[i] is string token ? ByteAlphabet.TokenBytes(token) : null;
        }
    }

    /// <param name="bytes">Bytes by id; null where there is no token.</param>
    public ByteStreamingTable(byte[]?[] bytes)
    {
        _bytes = bytes;
        _texts = new string[bytes.Length];
    }

    public override IIncrementalDetokenizer Create(Tokenizer tokenizer, bool skipSpecialTokens) =>
        new Detokenizer(this, tokenizer, skipSpecialTokens);

    /// <summary>
    /// True if the bytes end with a whole character, so that what follows cannot change them.
    /// </summary>
    private static bool EndsWhole(ReadOnlySpan<byte> bytes)
    {
        int last = bytes.Length - 1;
        if (last < 0 || bytes[last] < 0x80)
        {
            return true;
        }

        int lead = last;
        while (lead > 0 && last - lead < 3 && (bytes[lead] & 0xC0) == 0x80)
        {
            lead--;
        }

        ReadOnlySpan<byte> tail = bytes[lead..];
        return System.Text.Rune.DecodeFromUtf8(tail, out System.Text.Rune rune, out int used)
            == System.Buffers.OperationStatus.Done
            && used == tail.Length && rune.Value != CodePoints.Replacement;
    }

    private sealed class Detokenizer(ByteStreamingTable table, Tokenizer tokenizer, bool skip)
        : IIncrementalDetokenizer
    {
        private byte[] _held = new byte[16];
        private int _count;

        public string Append(int id)
        {
            if ((uint)id >= (uint)table._bytes.Length || table._bytes[id] is not byte[] bytes
                || (skip && tokenizer.IsSkipped(id)) || bytes.Length == 0)
            {
                return "";
            }

            if (_count == 0 && EndsWhole(bytes))
            {
                return table._texts[id] ??= CodePoints.DecodeLossy(bytes);
            }

            if (_count + bytes.Length > _held.Length)
            {
                Array.Resize(ref _held, Math.Max(_count + bytes.Length, 2 * _held.Length));
            }

            bytes.CopyTo(_held, _count);
            _count += bytes.Length;
            return EndsWhole(_held.AsSpan(0, _count)) ? Flush() : "";
        }

        public string Flush()
        {
            string text = CodePoints.DecodeLossy(_held.AsSpan(0, _count));
            _count = 0;
            return text;
        }
    }
}
