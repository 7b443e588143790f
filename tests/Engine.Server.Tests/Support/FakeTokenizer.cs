using System.Text;
using Engine.Tokenization;

namespace Engine.Server.Tests.Support;

/// <summary>1000 tokens: id b + 3 is the byte b, ids above are words, 0 to 2 are special.</summary>
internal sealed class FakeTokenizer : ITokenizer
{
    public const int Size = 1000;

    private const int FirstByte = 3;
    private const int FirstWord = FirstByte + 256;

    public int VocabSize => Size;

    public int[] Encode(string text, bool addSpecialTokens = true) =>
        [.. Encoding.UTF8.GetBytes(text).Select(b => b + FirstByte)];

    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        var bytes = new List<byte>();
        foreach (int id in ids)
        {
            bytes.AddRange(BytesOf(id, skipSpecialTokens));
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    public int TokenToId(string token) => -1;

    public string? IdToToken(int id) => id is >= 0 and < Size ? Decode([id], skipSpecialTokens: false) : null;

    public bool IsSpecial(int id) => id is >= 0 and < FirstByte;

    public IIncrementalDetokenizer CreateDetokenizer(bool skipSpecialTokens) =>
        throw new NotSupportedException("the fake engine makes its own text");

    private static byte[] BytesOf(int id, bool skipSpecialTokens) => id switch
    {
        >= 0 and < FirstByte => skipSpecialTokens ? [] : Encoding.UTF8.GetBytes($"<s{id}>"),
        >= FirstByte and < FirstWord => [(byte)(id - FirstByte)],
        >= FirstWord and < Size => Encoding.UTF8.GetBytes($" w{id}"),
        _ => [],
    };
}
