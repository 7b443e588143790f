namespace Engine.Chat.Parsing;

/// <summary>Calls as a JSON list of objects, or one object alone.</summary>
internal sealed class CallList(PendingText text, DeltaSink sink, Markers? stops, int at)
{
    private CallObject? _object;
    private int _at = at;
    private bool _isList;

    /// <summary>True once a call has begun: what precedes the scan is used up from then on.</summary>
    public bool HasCalls { get; private set; }

    /// <summary>Reads on: More, Complete (nothing more is of interest) or Bad (no list of calls).</summary>
    public ScanResult Advance(bool isFinal)
    {
        while (true)
        {
            ScanResult result = _object is null ? Between(isFinal, out bool goesOn) : Inside(isFinal, out goesOn);
            if (!goesOn)
            {
                return result == ScanResult.Bad && HasCalls ? ScanResult.Complete : result;
            }
        }
    }

    private ScanResult Between(bool isFinal, out bool goesOn)
    {
        goesOn = false;
        while (_at < text.Length && (text[_at] is ' ' or '\t' or '\r' or '\n' || (_isList && text[_at] == ',')))
        {
            _at++;
        }

        if (_at >= text.Length)
        {
            return ScanResult.More;
        }

        char c = text[_at];
        if (_isList)
        {
            if (c == ']')
            {
                return ScanResult.Complete;
            }

            if (stops is not null)
            {
                bool isStop = text.MatchAt(stops, _at, isFinal, out bool mayMatch) >= 0;
                if (isStop || mayMatch)
                {
                    return isStop ? ScanResult.Complete : ScanResult.More;
                }
            }
        }
        else if (c == '[')
        {
            _isList = true;
            _at++;
            goesOn = true;
            return ScanResult.More;
        }

        if (c != '{')
        {
            return ScanResult.Bad;
        }

        _object = new CallObject(text, sink, stops, _at);
        goesOn = true;
        return ScanResult.More;
    }

    private ScanResult Inside(bool isFinal, out bool goesOn)
    {
        ScanResult result = _object!.Advance(isFinal);
        bool hasName = _object.HasName;
        HasCalls |= hasName;
        _at = _object.At;
        goesOn = _isList && result == ScanResult.Complete && hasName;
        if (goesOn)
        {
            _object = null;
            return ScanResult.More;
        }

        return result == ScanResult.More ? ScanResult.More
            : hasName ? ScanResult.Complete
            : ScanResult.Bad;
    }
}
