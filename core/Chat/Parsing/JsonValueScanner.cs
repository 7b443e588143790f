namespace Engine.Chat.Parsing;

/// <summary>How far a scan came.</summary>
internal enum ScanResult
{
    /// <summary>More text is needed.</summary>
    More,

    /// <summary>It ended where it should.</summary>
    Complete,

    /// <summary>A stop marker outside of any string ended it.</summary>
    Stopped,

    /// <summary>It is not what was expected.</summary>
    Bad,
}

/// <summary>
/// Finds the end of one JSON value without judging it: brackets count, strings hide what is in
/// them. Looks at each character once, however the text is cut.
/// </summary>
internal sealed class JsonValueScanner(Markers? stops)
{
    private bool _hasBegun;
    private bool _isText;
    private bool _isScalar;
    private bool _inString;
    private bool _isEscaped;
    private int _depth;

    /// <summary>True if the value is a string.</summary>
    public bool IsText => _isText;

    /// <summary>Goes on at an index that is not white space when the value begins.</summary>
    public ScanResult Advance(PendingText text, ref int at, bool isFinal)
    {
        while (at < text.Length)
        {
            if (_inString)
            {
                if (!LeaveString(text, ref at))
                {
                    return ScanResult.More;
                }

                if (_isText)
                {
                    return ScanResult.Complete;
                }

                continue;
            }

            char c = text[at];
            if (!_hasBegun)
            {
                Begin(c);
            }
            else if (_isScalar && c is (',' or '}' or ']' or ' ' or '\t' or '\r' or '\n'))
            {
                return ScanResult.Complete;
            }

            if (!_isText && stops is not null)
            {
                bool isStop = text.MatchAt(stops, at, isFinal, out bool mayMatch) >= 0;
                if (isStop || mayMatch)
                {
                    return isStop ? _isScalar ? ScanResult.Complete : ScanResult.Stopped : ScanResult.More;
                }
            }

            at++;
            if (!_isScalar && Enter(c))
            {
                return ScanResult.Complete;
            }
        }

        return ScanResult.More;
    }

    private void Begin(char c)
    {
        _hasBegun = true;
        _isText = c == '"';
        _isScalar = !_isText && c is not ('{' or '[');
    }

    // True if the value ends with this character.
    private bool Enter(char c)
    {
        if (c == '"')
        {
            _inString = true;
        }
        else if (c is '{' or '[')
        {
            _depth++;
        }
        else if (c is '}' or ']')
        {
            return --_depth == 0;
        }

        return false;
    }

    // Stands behind the closing quote when true.
    private bool LeaveString(PendingText text, ref int at)
    {
        while (at < text.Length)
        {
            if (_isEscaped)
            {
                _isEscaped = false;
                at++;
                continue;
            }

            int step = text.Span[at..].IndexOfAny('"', '\\');
            if (step < 0)
            {
                at = text.Length;
                return false;
            }

            at += step + 1;
            if (text[at - 1] == '"')
            {
                _inString = false;
                return true;
            }

            _isEscaped = true;
        }

        return false;
    }
}
