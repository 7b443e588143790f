using System.Text;
using Engine.Tokenization;

namespace Engine.Hosting;

/// <summary>Bytes as tokens: ids 0 to 255 are UTF-8 bytes, then end and begin of text.</summary>
public sealed class FakeTokenizer : ITokenizer
{
    /// <summary>End of sequence.</summary>
    public const int EosId = 256;

    /// <summary>Begin of sequence.</summary>
    public const int BosId = 257;

    /// <summary>Size of the vocabulary.</summary>
    public const int NumTokens = 258;

    /// <inheritdoc/>
    public int VocabSize => NumTokens;

    /// <inheritdoc/>
    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int offset = addSpecialTokens ? 1 : 0;
        int[] ids = new int[bytes.Length + offset];
        if (addSpecialTokens)
        {
            ids[0] = BosId;
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            ids[i + offset] = bytes[i];
        }

        return ids;
    }

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        var bytes = new List<byte>(ids.Length);
        foreach (int id in ids)
        {
            AddBytes(bytes, id, skipSpecialTokens);
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    /// <inheritdoc/>
    public int TokenToId(string token) => token switch
    {
        "</s>" => EosId,
        "<s>" => BosId,
        { Length: 6 } when token.StartsWith("<0x", StringComparison.Ordinal)
            && byte.TryParse(token.AsSpan(3, 2), System.Globalization.NumberStyles.HexNumber, null, out byte b)
            => b,
        { Length: 1 } when token[0] < 128 => token[0],
        _ => -1,
    };

    /// <inheritdoc/>
    public string? IdToToken(int id) => id switch
    {
        EosId => "</s>",
        BosId => "<s>",
        >= 0 and < 128 => ((char)id).ToString(),
        >= 128 and < 256 => $"<0x{id:X2}>",
        _ => null,
    };

    /// <inheritdoc/>
    public bool IsSpecial(int id) => id is EosId or BosId;

    /// <inheritdoc/>
    public IIncrementalDetokenizer CreateDetokenizer(bool skipSpecialTokens) =>
        new Detokenizer(skipSpecialTokens);

    private static void AddBytes(List<byte> bytes, int id, bool skipSpecialTokens)
    {
        if (id is >= 0 and < 256)
        {
            bytes.Add((byte)id);
        }
        else if (!skipSpecialTokens && id is EosId or BosId)
        {
            bytes.AddRange(id == EosId ? "</s>"u8 : "<s>"u8);
        }
    }

    /// <summary>The runtime's decoder keeps the bytes of an unfinished character.</summary>
    private sealed class Detokenizer(bool skipSpecialTokens) : IIncrementalDetokenizer
    {
        private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
        private readonly List<byte> _bytes = [];
        private readonly char[] _chars = new char[16];

        public string Append(int id)
        {
            _bytes.Clear();
            AddBytes(_bytes, id, skipSpecialTokens);
            int count = _decoder.GetChars(
                System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes), _chars, flush: false);
            return count == 0 ? "" : new string(_chars, 0, count);
        }

        public string Flush()
        {
            int count = _decoder.GetChars([], _chars, flush: true);
            return count == 0 ? "" : new string(_chars, 0, count);
        }
    }
}
