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
    private ItemText _item;
    private int _low;
    private int _high;
    private int _point;
    private int _highSurrogate;
    private Place _place;
    private byte _numDigits;
    private bool _keyComes;
    private bool _isKey;
    private bool _itemIsOpen;
    private bool _itemIsLost;

    /// <summary>An array whose items have to differ is open.</summary>
    public readonly bool IsActive => _top is not null;

    public readonly bool IsInString => _place is Place.String or Place.Escape or Place.Unicode;

    /// <summary>The item under way may still become one that there has been, as far as it is followed.</summary>
    public readonly bool MayRepeat => _itemIsOpen && !_itemIsLost && _high > _low;

    /// <summary>In a number that there has been, as far as it is read: 1.50 after 1.5, which is another text.</summary>
    public readonly bool IsRepeated => _place == Place.Number && IsUsed(ScalarHash);

    /// <summary>Outside of strings, numbers and words.</summary>
    public readonly bool IsBetween => _place == Place.Between;

    /// <summary>The next byte adds nothing to a text by itself.</summary>
    public readonly bool IsInEscape => _place is Place.Escape or Place.Unicode;

    /// <summary>Inside of a string in an item that begins as no other did.</summary>
    public readonly bool RepeatsNothing => IsInString && !MayRepeat;

    /// <summary>Items finished in the innermost array that counts; another array is another object.</summary>
    public readonly (object? Array, int Count) Finished
    {
        get
        {
            ScannedContainer? array = Innermost(_top);
            return (array?.Parent, array?.NumItems ?? 0);
        }
    }

    /// <summary>How items go on that begin as the one under way: a bit for each byte. Only if it may repeat.</summary>
    public readonly void NextOfOthers(Span<ulong> bits) =>
        ItemText.Values(Innermost(_top)!.Texts, _low, _high, _item.Length, bits);

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
                EndScalar();
                return false;
            case '"':
                AddText(value);
                (_place, _isKey, _text) = (Place.String, _keyComes, ValueHash.Of('"'));
                return false;
            case '[' or '{':
                AddText(value);
                _top = new ScannedContainer { Parent = _top, IsArray = value == '[', KeyInParent = _key };
                _keyComes = value == '{';
                return false;
            case ',':
                EndScalar();
                AddText(value);
                _keyComes = _top is { IsArray: false };
                if (_top is { Used: not null })
                {
                    BeginItem();
                }

                return false;
            case ':':
                _keyComes = false;
                AddText(value);
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
        (_item, _itemIsLost, _itemIsOpen) = (default, false, true);
        (_low, _high) = (0, _top!.Texts.Count);
    }

    private void AddText(byte value)
    {
        if (_itemIsLost || !_itemIsOpen)
        {
            return;
        }

        if (_high > _low)
        {
            (_low, _high) = ItemText.Narrow(Innermost(_top)!.Texts, _low, _high, _item.Length, value);
        }

        _item.Add(value);
    }

    private bool ReadScalar(byte value)
    {
        AddText(value);
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
    private void EndScalar()
    {
        if (_place is Place.Number or Place.Word)
        {
            ValueHash hash = ScalarHash;
            _place = Place.Between;
            Finish(hash);
        }
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
            (_itemIsLost, _itemIsOpen) = (true, true);
        }

        AddText(value);
        return Finish(closed.Hash);
    }

    private bool Finish(ValueHash hash)
    {
        if (!_top!.IsArray)
        {
            _top = _top with { Members = new ScannedMember(_top.Members, _key, hash) };
            return false;
        }

        bool isUsed = IsUsed(hash);
        _itemIsOpen &= _top.Used is null;
        _top = _top.WithItem(hash, _item);
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
                FlushSurrogate();
                AddRaw(value);
                return false;
        }
    }

    private bool EndString(byte value)
    {
        FlushSurrogate();
        AddText(value);
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

    private void AddRaw(byte value)
    {
        _text = _text.With(value);
        AddText(value);
    }
}
