using System.Text;
using Engine.Tokenization.Decoders;

namespace Engine.Tokenization;

/// <summary>
/// For decoders that give each token its own text (another one at the start of the output) and
/// join byte tokens: SentencePiece's, Metaspace, WordPiece. Texts are made once for all streams.
/// </summary>
internal sealed class PieceStreamingTable : StreamingTable
{
    private readonly PieceDecoding _decoding;
    private readonly string?[] _tokens;
    private readonly string?[] _texts;
    private readonly short[] _bytes;

    public PieceStreamingTable(PieceDecoding decoding, string?[] tokens)
    {
        _decoding = decoding;
        _tokens = tokens;
        _texts = new string[tokens.Length];
        _bytes = new short[tokens.Length];
        for (int i = 0; i < tokens.Length; i++)
        {
            _bytes[i] = (short)(tokens[i] is string token ? decoding.ByteOf(token) : -1);
        }
    }

    public override IIncrementalDetokenizer Create(Tokenizer tokenizer, bool skipSpecialTokens) =>
        new Detokenizer(this, tokenizer, skipSpecialTokens);

    /// <summary>
    /// The rule: after each token emit what the whole output has beyond what was emitted, unless it
    /// ends with U+FFFD or no longer begins with it (then nothing is emitted any more).
    /// </summary>
    private sealed class Detokenizer(PieceStreamingTable table, Tokenizer tokenizer, bool skip)
        : IIncrementalDetokenizer
    {
        private readonly PieceDecoding _decoding = table._decoding;
        private readonly StringBuilder _held = new();
        private ByteRun _run = new(table._decoding.WholeRuns);
        private int _toStrip = table._decoding.StripCount;
        private int _toStripBeforeRun;
        private bool _runEmitted;
        private bool _stuck;
        private bool _atStart = true;
        private bool _sawSpace;
        private bool _anyText;
        private bool _spaceDue;

        public string Append(int id)
        {
            if ((uint)id >= (uint)table._tokens.Length || table._tokens[id] is not string token
                || (skip && tokenizer.IsSkipped(id)))
            {
                return "";
            }

            short value = table._bytes[id];
            if (value >= 0)
            {
                return AppendByte((byte)value);
            }

            EndRun();
            string text = Convert(id, token);
            if (_held.Length == 0 && !_stuck && _toStrip == 0 && !text.EndsWith('\uFFFD'))
            {
                return text;
            }

            _held.Append(text);
            return Release(atEnd: false);
        }

        public string Flush()
        {
            EndRun();
            return Release(atEnd: true);
        }

        private string Convert(int id, string token)
        {
            bool first = _atStart;
            if (_decoding.SentencePiece is SentencePieceDecoder sentencePiece)
            {
                first = _atStart &= !_sawSpace && !_anyText;
                if (first)
                {
                    string text = sentencePiece.Decode(token, atStart: true, out _sawSpace);
                    _anyText |= text.Length > 0;
                    return text;
                }

                _sawSpace = false;
            }

            _atStart = false;
            if (first)
            {
                _spaceDue = EndsWithSuffix(token);
                return _decoding.Convert(token, true);
            }

            string plain = table._texts[id] ??= _decoding.Convert(token, false);
            if (_decoding.SpaceSuffix is not null)
            {
                plain = _spaceDue ? " " + plain : plain;
                _spaceDue = EndsWithSuffix(token);
            }

            return plain;
        }

        private bool EndsWithSuffix(string token) => _decoding.SpaceSuffix is string suffix
            && token.EndsWith(suffix, StringComparison.Ordinal);

        private string AppendByte(byte value)
        {
            if (_run.Length == 0)
            {
                _toStripBeforeRun = _toStrip;
                _runEmitted = false;
            }

            _run.Add(value);
            if (!_run.EndsWhole || _stuck)
            {
                return "";
            }

            string before = Release(atEnd: true);
            string text = Strip(_run.Take());
            _runEmitted |= text.Length > 0;
            return before.Length == 0 ? text : before + text;
        }

        private void EndRun()
        {
            if (_run.Length == 0)
            {
                return;
            }

            // A run that turns out to be invalid is U+FFFD for every byte, also those taken before.
            bool lost = _decoding.WholeRuns && _run.Taken > 0 && !_run.Valid;
            if (lost)
            {
                _stuck |= _runEmitted;
                _toStrip = _toStripBeforeRun;
                _held.Append('\uFFFD', _run.Length);
            }
            else
            {
                _held.Append(_run.Take());
            }

            _anyText = true;
            _run.Clear();
        }

        private string Release(bool atEnd)
        {
            if (_held.Length == 0 || _stuck || (!atEnd && _held[^1] == '\uFFFD'))
            {
                return "";
            }

            string text = Strip(_held.ToString());
            _held.Clear();
            return text;
        }

        private string Strip(string text)
        {
            int from = 0;
            while (_toStrip > 0 && from < text.Length)
            {
                bool strips = text[from] == _decoding.Stripped;
                _toStrip = strips ? _toStrip - 1 : 0;
                from += strips ? 1 : 0;
            }

            return from == 0 ? text : text[from..];
        }
    }
}
