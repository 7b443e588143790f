using System.Text.Json;

namespace Engine.Chat.Parsing;

/// <summary>
/// One call as a JSON object {"name": ..., "arguments" or "parameters": ...}, in any order, maybe
/// cut off or ended by a stop marker. The call begins when its name is complete; until then all of
/// the object's text stays pending, so that it can be given back.
/// </summary>
internal sealed class CallObject(PendingText text, DeltaSink sink, Markers? stops, int at)
{
    private enum Place
    {
        Start,
        Member,
        Key,
        Colon,
        BeforeValue,
        Value,
    }

    private Place _place;
    private JsonValueScanner? _scanner;
    private string _key = "";
    private int _at = at;
    private int _tokenStart;
    private bool _nameSeen;
    private string? _argumentsKey;
    private int _argumentsFrom = -1;
    private int _argumentsTo = -1;

    /// <summary>True once the call has begun.</summary>
    public bool HasName { get; private set; }

    /// <summary>Index of what comes next; what precedes it is used up once there is a name.</summary>
    public int At => _at;

    /// <summary>Reads on. After anything but More the object is over; a call in it has ended.</summary>
    public ScanResult Advance(bool isFinal)
    {
        ScanResult result;
        do
        {
            result = Step(isFinal, out bool goesOn);
            if (!goesOn)
            {
                break;
            }
        }
        while (result == ScanResult.More);

        PassArguments();
        if (HasName)
        {
            UseUp();
            if (result != ScanResult.More || isFinal)
            {
                sink.EndCall();
            }
        }

        return result;
    }

    private ScanResult Step(bool isFinal, out bool goesOn)
    {
        goesOn = false;
        if (_place == Place.Value)
        {
            return StepValue(isFinal, out goesOn);
        }

        if (_place == Place.Key)
        {
            return StepKey(isFinal, out goesOn);
        }

        while (_at < text.Length && text[_at] is (' ' or '\t' or '\r' or '\n'))
        {
            _at++;
        }

        if (_at >= text.Length)
        {
            return ScanResult.More;
        }

        if (stops is not null)
        {
            bool isStop = text.MatchAt(stops, _at, isFinal, out bool mayMatch) >= 0;
            if (isStop || mayMatch)
            {
                return isStop ? ScanResult.Stopped : ScanResult.More;
            }
        }

        goesOn = true;
        return StepStructure(text[_at]);
    }

    private ScanResult StepStructure(char c)
    {
        switch (_place)
        {
            case Place.Start when c == '{':
                _at++;
                _place = Place.Member;
                return ScanResult.More;
            case Place.Member when c == '}':
                _at++;
                return ScanResult.Complete;
            case Place.Member when c == ',':
                _at++;
                return ScanResult.More;
            case Place.Member when c == '"':
                BeginToken(Place.Key);
                return ScanResult.More;
            case Place.Colon when c == ':':
                _at++;
                _place = Place.BeforeValue;
                return ScanResult.More;
            case Place.BeforeValue:
                BeginToken(Place.Value);
                if (_argumentsKey is null && _key is ("arguments" or "parameters"))
                {
                    _argumentsKey = _key;
                    _argumentsFrom = _at;
                }

                return ScanResult.More;
            default:
                return ScanResult.Bad;
        }
    }

    private void BeginToken(Place place)
    {
        _place = place;
        _tokenStart = _at;
        _scanner = new JsonValueScanner(stops);
    }

    private ScanResult StepKey(bool isFinal, out bool goesOn)
    {
        ScanResult result = _scanner!.Advance(text, ref _at, isFinal);
        goesOn = result == ScanResult.Complete;
        if (!goesOn)
        {
            return ScanResult.More;
        }

        if (!TryDecode(text.Span[_tokenStart.._at], out _key))
        {
            return ScanResult.Bad;
        }

        _place = Place.Colon;
        return ScanResult.More;
    }

    private ScanResult StepValue(bool isFinal, out bool goesOn)
    {
        ScanResult result = _scanner!.Advance(text, ref _at, isFinal);
        bool isArguments = _argumentsFrom >= 0 && _argumentsTo < 0;
        goesOn = result == ScanResult.Complete;
        if (isArguments && result is not ScanResult.More)
        {
            _argumentsTo = _at;
        }

        if (!goesOn)
        {
            return result;
        }

        _place = Place.Member;
        if (_key == "name" && !_nameSeen)
        {
            _nameSeen = true;
            if (_scanner.IsText && TryDecode(text.Span[_tokenStart.._at], out string name) && name.Length > 0)
            {
                HasName = true;
                sink.BeginCall(name);
            }
        }

        return ScanResult.More;
    }

    private void PassArguments()
    {
        if (!HasName || _argumentsFrom < 0)
        {
            return;
        }

        int to = _argumentsTo >= 0 ? _argumentsTo : _at;
        if (to > _argumentsFrom)
        {
            sink.Arguments(text.Span[_argumentsFrom..to]);
            _argumentsFrom = to;
        }
    }

    // A key under way is still needed whole.
    private void UseUp()
    {
        int used = _place == Place.Key ? _tokenStart : _at;
        text.Consume(used);
        _at -= used;
        _tokenStart -= used;
        _argumentsFrom = Shift(_argumentsFrom, used);
        _argumentsTo = Shift(_argumentsTo, used);
    }

    private static int Shift(int index, int by) => index < 0 ? -1 : Math.Max(0, index - by);

    private static bool TryDecode(ReadOnlySpan<char> quoted, out string value)
    {
        value = "";
        try
        {
            using JsonDocument document = JsonDocument.Parse(quoted.ToString());
            value = document.RootElement.GetString() ?? "";
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Half a surrogate pair, a raw line break: not a string of JSON.
            return false;
        }
    }
}
