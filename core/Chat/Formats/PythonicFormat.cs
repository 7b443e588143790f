using Engine.Chat.Parsing;

namespace Engine.Chat.Formats;

/// <summary>
/// pythonic, llama4_pythonic: the output is a Python list of calls, [f(a=1), g()]. A call counts when
/// its bracket closes; text that begins in any other way is content.
/// </summary>
/// <param name="sink">Takes the deltas.</param>
/// <param name="start">A tag that may precede the list, or null.</param>
internal sealed class PythonicFormat(DeltaSink sink, Markers? start) : MachineStage(sink)
{
    private enum State
    {
        Beginning,
        Name,
        Call,
        Plain,
        After,
    }

    private State _state;
    private int _at;
    private int _callFrom;
    private int _depth;
    private string? _quote;
    private bool _isTagSeen;
    private bool _hasCalls;

    protected override bool Step(bool isFinal) => _state switch
    {
        State.Beginning => StepBeginning(isFinal),
        State.Name => StepName(isFinal),
        State.Call => StepCall(isFinal),
        State.Plain => UseAll(TextUse.Content),
        _ => UseAll(TextUse.Drop),
    };

    private bool StepBeginning(bool isFinal)
    {
        // Nothing may stand before the list, white space neither, as in vLLM.
        if (_at >= Text.Length)
        {
            return isFinal && End();
        }

        if (start is not null && !_isTagSeen)
        {
            bool isTag = Text.MatchAt(start, _at, isFinal, out bool mayMatch) >= 0;
            if (mayMatch)
            {
                return false;
            }

            _isTagSeen = true;
            _at += isTag ? start.LengthOf(0) : 0;
            return true;
        }

        if (Text[_at] != '[')
        {
            return End();
        }

        _at++;
        _callFrom = -1;
        _state = State.Name;
        return true;
    }

    private bool StepName(bool isFinal)
    {
        for (; _at < Text.Length; _at++)
        {
            char c = Text[_at];
            if (_callFrom < 0)
            {
                if (c is ' ' or '\t' or '\r' or '\n' || (c == ',' && _hasCalls))
                {
                    continue;
                }

                if (c != '_' && !char.IsAsciiLetter(c))
                {
                    return End();
                }

                _callFrom = _at;
            }
            else if (c == '(')
            {
                _at++;
                _depth = 1;
                _state = State.Call;
                return true;
            }
            else if (!(PythonLiterals.IsNamePart(c) || c is '.' or ' ' or '\t' or '\r' or '\n'))
            {
                return End();
            }
        }

        return isFinal && End();
    }

    // Looks for the bracket that closes the call; strings hide brackets.
    private bool StepCall(bool isFinal)
    {
        while (_at < Text.Length)
        {
            char c = Text[_at];
            if (_quote is null && c is ('\'' or '"'))
            {
                if (!isFinal && Text.Length - _at < 3)
                {
                    return false;
                }

                string three = new(c, 3);
                _quote = Text.Span[_at..].StartsWith(three, StringComparison.Ordinal) ? three : three[..1];
                _at += _quote.Length;
            }
            else if (_quote is not null)
            {
                if (!SkipInString(c, isFinal))
                {
                    return false;
                }
            }
            else
            {
                _at++;
                _depth += c is '(' or '[' or '{' ? 1 : c is ')' or ']' or '}' ? -1 : 0;
                if (_depth == 0)
                {
                    return AddCall();
                }
            }
        }

        return isFinal && End();
    }

    private bool SkipInString(char c, bool isFinal)
    {
        int needed = c == '\\' ? 2 : c == _quote![0] ? _quote.Length : 1;
        if (Text.Length - _at < needed)
        {
            _at = isFinal ? Text.Length : _at;
            return isFinal;
        }

        if (c != '\\' && Text.Span[_at..].StartsWith(_quote, StringComparison.Ordinal))
        {
            _at += _quote!.Length;
            _quote = null;
        }
        else
        {
            _at += c == '\\' ? 2 : 1;
        }

        return true;
    }

    private bool AddCall()
    {
        if (!PythonLiterals.TryReadCall(Text.Span[_callFrom.._at], out string name, out string arguments))
        {
            return End();
        }

        Sink.BeginCall(name);
        Sink.Arguments(arguments);
        Sink.EndCall();
        _hasCalls = true;
        Use(_at, TextUse.Drop);
        _at = 0;
        _callFrom = -1;
        _state = State.Name;
        return true;
    }

    private bool End()
    {
        _state = _hasCalls ? State.After : State.Plain;
        return true;
    }
}
