using System.Collections.Immutable;

namespace Engine.Grammar;

/// <summary>
/// Follows JSON text from the beginning of an array whose items have to differ to its end, and knows which items there
/// have been. The network says what fits; this says which values those texts are. A value, to be copied.
/// </summary>
internal struct JsonScan
{
    private enum Place : byte
    {
        Between,
        String,
        Escape,
        Unicode,
        Number,
        Word,
    }

    private ScannedContainer? _top;
    private ValueHash _text;
    private ValueHash _key;
    private ScannedNumber _number;
    private ItemPrefix _prefix;
    private int _prefixLength;
    private int _low;
    private int _high;
    private int _point;
    private int _highSurrogate;
    private Place _place;
    private byte _numDigits;
    private bool _keyComes;
    private bool _isKey;
    private bool _itemIsOpen;
    private bool _prefixIsLost;

    /// <summary>An array whose items have to differ is open.</summary>
    public readonly bool IsActive => _top is not null;

    public readonly bool IsInString => _place is Place.String or Place.Escape or Place.Unicode;

    /// <summary>The item under way may still become one that there has been, as far as it is followed.</summary>
    public readonly bool MayRepeat => _itemIsOpen && !_prefixIsLost && _high > _low;

    /// <summary>Inside of a string in an item that begins as no other did.</summary>
    public readonly bool RepeatsNothing => IsInString && !MayRepeat;

    /// <summary>Items finished in the innermost array that counts; another array is another object.</summary>
    public readonly (object? Array, int Count) Finished
    {
        get
        {
            ScannedContainer? array = Innermost(_top);
            return (array?.Parent, array?.Prefixes.Length ?? 0);
        }
    }

    /// <summary>The array that the last byte has opened is one whose items have to differ.</summary>
    public void OpenUnique()
    {
        _top = _top is null
            ? new ScannedContainer { Parent = null, IsArray = true, Used = [] }
            : _top with { Used = [] };
        _place = Place.Between;
        BeginItem();
    }

    /// <summary>Reads one byte.</summary>
    /// <returns>True if an item is complete with it, or may be, that there has been in its array before.</returns>
    public bool Read(byte value)
    {
        if (IsInString)
        {
            return ReadString(value);
        }

        switch ((char)value)
        {
            case ' ' or '\t' or '\n' or '\r':
                return EndScalar();
            case '"':
                AddPrefix(value);
                (_place, _isKey, _text) = (Place.String, _keyComes, ValueHash.Of('"'));
                return false;
            case '[' or '{':
                AddPrefix(value);
                _top = new ScannedContainer { Parent = _top, IsArray = value == '[', KeyInParent = _key };
                _keyComes = value == '{';
                return false;
            case ',':
                EndScalar();
                AddPrefix(value);
                _keyComes = _top is { IsArray: false };
                if (_top is { Used: not null })
                {
                    BeginItem();
                }

                return false;
            case ':':
                _keyComes = false;
                AddPrefix(value);
                return false;
            case ']' or '}':
                EndScalar();
                return Close(value);
            default:
                return ReadScalar(value);
        }
    }

    private static ScannedContainer? Innermost(ScannedContainer? container)
    {
        while (container is { Used: null })
        {
            container = container.Parent;
        }

        return container;
    }

    private void BeginItem()
    {
        (_prefix, _prefixLength, _prefixIsLost, _itemIsOpen) = (default, 0, false, true);
        (_low, _high) = (0, _top!.Prefixes.Length);
    }

    private void AddPrefix(byte value)
    {
        if (_prefixIsLost || _prefixLength == ItemPrefix.MaxLength || !_itemIsOpen)
        {
            return;
        }

        if (_high > _low)
        {
            (_low, _high) = ItemPrefix.Narrow(Innermost(_top)!.Prefixes, _low, _high, _prefixLength, value);
        }

        _prefix = _prefix.With(_prefixLength++, value);
    }

    private bool ReadScalar(byte value)
    {
        AddPrefix(value);
        if (_place == Place.Between)
        {
            bool isNumber = value is (byte)'-' or (>= (byte)'0' and <= (byte)'9');
            (_place, _text, _number) = (isNumber ? Place.Number : Place.Word, ValueHash.Of('w'), default);
        }

        if (_place == Place.Number)
        {
            _number.Read(value);
        }

        _text = _text.With(value);
        return IsUsed(ScalarHash);
    }

    private readonly ValueHash ScalarHash => _place == Place.Number ? _number.Hash : _text;

    private readonly bool IsUsed(ValueHash item) => _top!.Used?.Contains(item) == true;

    /// <summary>A number or a word ends where something else begins.</summary>
    private bool EndScalar()
    {
        if (_place is Place.Number or Place.Word)
        {
            ValueHash hash = ScalarHash;
            _place = Place.Between;
            Finish(hash);
        }

        return false;
    }

    private bool Close(byte value)
    {
        ScannedContainer closed = _top!;
        _top = closed.Parent;
        if (_top is null)
        {
            this = default;
            return false;
        }

        _key = closed.KeyInParent;
        if (closed.Used is not null)
        {
            // Of the item around, how it goes on from here is not compared any more.
            (_prefixIsLost, _itemIsOpen) = (true, true);
        }

        AddPrefix(value);
        return Finish(closed.Hash);
    }

    private bool Finish(ValueHash hash)
    {
        if (!_top!.IsArray)
        {
            _top = _top with { Members = _top.Members.Add((_key, hash)) };
            return false;
        }

        bool isUsed = IsUsed(hash);
        _itemIsOpen &= _top.Used is null;
        _top = _top.WithItem(hash, _prefix);
        return isUsed;
    }

    private bool ReadString(byte value)
    {
        switch (_place)
        {
            case Place.Escape when value == 'u':
                (_place, _point, _numDigits) = (Place.Unicode, 0, 0);
                return false;
            case Place.Escape:
                _place = Place.String;
                AddPoint((char)value switch
                {
                    'b' => '\b',
                    'f' => '\f',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    _ => value,
                });
                return false;
            case Place.Unicode:
                _point = (16 * _point) + (value <= '9' ? value - '0' : (value | 0x20) - 'a' + 10);
                if (++_numDigits == 4)
                {
                    _place = Place.String;
                    AddUnit(_point);
                }

                return false;
            case Place.String when value == '\\':
                _place = Place.Escape;
                return false;
            case Place.String when value == '"':
                return EndString(value);
            default:
                AddByte(value);
                return false;
        }
    }

    private bool EndString(byte value)
    {
        FlushSurrogate();
        AddPrefix(value);
        _place = Place.Between;
        if (_isKey)
        {
            (_key, _isKey) = (_text, false);
            return false;
        }

        return Finish(_text);
    }

    /// <summary>A character as UTF-8; half a pair by itself in three bytes, too.</summary>
    private void AddPoint(int point)
    {
        FlushSurrogate();
        AddUtf8(point);
    }

    private void AddUnit(int unit)
    {
        if (_highSurrogate != 0 && unit is >= 0xDC00 and < 0xE000)
        {
            int pair = 0x10000 + ((_highSurrogate - 0xD800) << 10) + unit - 0xDC00;
            _highSurrogate = 0;
            AddUtf8(pair);
            return;
        }

        FlushSurrogate();
        if (unit is >= 0xD800 and < 0xDC00)
        {
            _highSurrogate = unit;
            return;
        }

        AddUtf8(unit);
    }

    private void FlushSurrogate()
    {
        if (_highSurrogate != 0)
        {
            int unit = _highSurrogate;
            _highSurrogate = 0;
            AddUtf8(unit);
        }
    }

    private void AddUtf8(int point)
    {
        if (point < 0x80)
        {
            AddRaw((byte)point);
            return;
        }

        int tails = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
        AddRaw((byte)((0xFF << (7 - tails)) | (point >> (6 * tails))));
        for (int tail = tails - 1; tail >= 0; tail--)
        {
            AddRaw((byte)(0x80 | (point >> (6 * tail) & 0x3F)));
        }
    }

    private void AddByte(byte value)
    {
        FlushSurrogate();
        AddRaw(value);
    }

    private void AddRaw(byte value)
    {
        _text = _text.With(value);
        AddPrefix(value);
    }
}
