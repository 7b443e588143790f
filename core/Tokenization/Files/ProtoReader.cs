using System.Buffers.Binary;
using System.Text;

namespace Engine.Tokenization.Files;

/// <summary>Walks the fields of a protocol buffer message; all lengths are checked.</summary>
internal ref struct ProtoReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message;
    private ulong _varint;
    private ReadOnlySpan<byte> _content;
    private int _wire;

    /// <summary>Number of the current field.</summary>
    public int Field { get; private set; }

    /// <summary>Moves to the next field; false at the end.</summary>
    public bool Next()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        ulong tag = Varint();
        if (tag >> 3 is 0 or > int.MaxValue)
        {
            throw Bad("a field number");
        }

        Field = (int)(tag >> 3);
        _wire = (int)(tag & 7);
        switch (_wire)
        {
            case 0:
                _varint = Varint();
                break;
            case 1:
                _content = Take(8);
                break;
            case 2:
                _content = Take(Varint());
                break;
            case 5:
                _content = Take(4);
                break;
            default:
                throw Bad("a wire type");
        }

        return true;
    }

    public readonly int Int()
    {
        Expect(0);
        return (int)_varint;
    }

    public readonly bool Bool()
    {
        Expect(0);
        return _varint != 0;
    }

    public readonly float Float()
    {
        Expect(5);
        return BinaryPrimitives.ReadSingleLittleEndian(_content);
    }

    public readonly ReadOnlySpan<byte> Bytes()
    {
        Expect(2);
        return _content;
    }

    public readonly string Text() => Encoding.UTF8.GetString(Bytes());

    private static EngineException Bad(string what) => new(
        EngineStatus.CorruptData, $"expected a protocol buffer message, found {what} out of range");

    private readonly void Expect(int wire)
    {
        if (_wire != wire)
        {
            throw new EngineException(
                EngineStatus.CorruptData,
                $"field {Field}: expected wire type {wire}, found {_wire}");
        }
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)_rest.Length)
        {
            throw Bad("a length");
        }

        ReadOnlySpan<byte> taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int i = 0; i < 10 && i < _rest.Length; i++)
        {
            value |= (ulong)(_rest[i] & 0x7F) << (7 * i);
            if (_rest[i] < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return value;
            }
        }

        throw Bad("a number");
    }
}
