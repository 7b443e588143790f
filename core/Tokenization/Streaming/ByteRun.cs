using System.Buffers;
using System.Text;

namespace Engine.Tokenization;

/// <summary>
/// The bytes of one run of byte tokens, and how far they are whole characters; each byte is looked
/// at a bounded number of times.
/// </summary>
internal struct ByteRun(bool wholeRuns)
{
    private byte[] _bytes = new byte[16];
    private int _settled;
    private bool _endsBad;

    public int Length { get; private set; }

    /// <summary>Some byte can no longer become part of a character.</summary>
    public bool Broken { get; private set; }

    /// <summary>Bytes whose text has been taken.</summary>
    public int Taken { get; private set; }

    /// <summary>All of it is UTF-8.</summary>
    public readonly bool Valid => _settled == Length && !Broken;

    /// <summary>All of it is text that does not end with U+FFFD.</summary>
    public readonly bool EndsWhole => _settled == Length && !_endsBad && !(wholeRuns && Broken);

    public void Add(byte value)
    {
        if (Length == _bytes.Length)
        {
            Array.Resize(ref _bytes, 2 * Length);
        }

        _bytes[Length++] = value;
        while (_settled < Length)
        {
            OperationStatus status = Rune.DecodeFromUtf8(
                _bytes.AsSpan(_settled, Length - _settled), out Rune rune, out int used);
            if (status == OperationStatus.NeedMoreData)
            {
                break;
            }

            bool bad = status != OperationStatus.Done;
            Broken |= bad;
            _endsBad = bad || rune == Rune.ReplacementChar;
            _settled += bad ? 1 : used;
        }
    }

    /// <summary>Text of what was not taken yet; an unfinished end counts as it stands.</summary>
    public string Take()
    {
        StringBuilder text = new();
        bool lost = wholeRuns && (Broken || _settled < Length);
        ReadOnlySpan<byte> rest = _bytes.AsSpan(Taken, Length - Taken);
        Taken = Length;
        while (!rest.IsEmpty)
        {
            OperationStatus status = Rune.DecodeFromUtf8(rest, out Rune rune, out int used);
            bool valid = !lost && status == OperationStatus.Done;
            text.Append(valid ? rune.ToString() : "\uFFFD");
            rest = rest[(valid ? used : 1)..];
        }

        return text.ToString();
    }

    public void Clear()
    {
        Length = _settled = Taken = 0;
        Broken = _endsBad = false;
    }
}
