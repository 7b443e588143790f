using Engine.Tokenization.Decoders;
using Engine.Tokenization.Text;

namespace Engine.Tokenization;

/// <summary>What a tokenizer's detokenizers share: the text of each token, made once.</summary>
internal abstract class StreamingTable
{
    /// <summary>The table for a decoder and the tokens by id (null where there is none).</summary>
    public static StreamingTable Create(Decoder? decoder, string?[] tokens) => decoder switch
    {
        ByteLevelDecoder => new ByteStreamingTable(tokens),
        DecoderSequence { Items: [ByteLevelDecoder] } => new ByteStreamingTable(tokens),
        _ when PieceDecoding.Find(decoder, tokens) is PieceDecoding pieces =>
            new PieceStreamingTable(pieces, tokens),
        _ => new GeneralStreamingTable(),
    };

    public abstract IIncrementalDetokenizer Create(Tokenizer tokenizer, bool skipSpecialTokens);
}

/// <summary>For any decoder: all of the output is decoded again at every token.</summary>
internal sealed class GeneralStreamingTable : StreamingTable
{
    public override IIncrementalDetokenizer Create(Tokenizer tokenizer, bool skipSpecialTokens) =>
        new GeneralDetokenizer(tokenizer, skipSpecialTokens);

    private sealed class GeneralDetokenizer(Tokenizer tokenizer, bool skip) : IIncrementalDetokenizer
    {
        private readonly List<int> _ids = [];
        private string _emitted = "";

        public string Append(int id)
        {
            _ids.Add(id);
            return Advance(atEnd: false);
        }

        public string Flush() => Advance(atEnd: true);

        private string Advance(bool atEnd)
        {
            string text = tokenizer.Decode(
                System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_ids), skip);
            if ((!atEnd && text.EndsWith((char)CodePoints.Replacement))
                || !text.StartsWith(_emitted, StringComparison.Ordinal))
            {
                return "";
            }

            string fresh = text[_emitted.Length..];
            _emitted = text;
            return fresh;
        }
    }
}
