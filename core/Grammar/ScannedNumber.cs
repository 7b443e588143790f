namespace Engine.Grammar;

/// <summary>
/// A number read digit by digit, so that 1, 1.0 and 10e-1 are one: its digits between zeros, and where they end.
/// </summary>
internal struct ScannedNumber
{
    private const long MaxExponent = 1_000_000_000_000;

    private ValueHash _digits;
    private long _scale;
    private long _exponent;
    private int _zeros;
    private bool _isNegative;
    private bool _hasDigits;
    private bool _inFraction;
    private bool _inExponent;
    private bool _exponentIsNegative;

    /// <summary>The same for all spellings of the number read so far.</summary>
    public readonly ValueHash Hash => !_hasDigits
        ? ValueHash.Of('0')
        : ValueHash.Of(_isNegative ? '-' : '+').With(_digits).With(
            (ulong)(_scale + _zeros + (_exponentIsNegative ? -_exponent : _exponent)));

    public void Read(byte value)
    {
        switch ((char)value)
        {
            case '-':
                _exponentIsNegative |= _inExponent;
                _isNegative |= !_inExponent;
                break;
            case '.':
                _inFraction = true;
                break;
            case 'e' or 'E':
                _inExponent = true;
                break;
            case >= '0' and <= '9' when _inExponent:
                _exponent = Math.Min((10 * _exponent) + value - '0', MaxExponent);
                break;
            case >= '0' and <= '9':
                ReadDigit(value);
                break;
        }
    }

    /// <summary>Zeros count once another digit comes behind them.</summary>
    private void ReadDigit(byte value)
    {
        _scale -= _inFraction ? 1 : 0;
        if (value == '0')
        {
            _zeros += _hasDigits ? 1 : 0;
            return;
        }

        for (; _zeros > 0; _zeros--)
        {
            _digits = _digits.With('0');
        }

        _digits = _digits.With(value);
        _hasDigits = true;
    }
}
