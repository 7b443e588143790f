using Engine.Chat.Parsing;

namespace Engine.Chat.Formats;

/// <summary>Formats that write arguments as tagged text: each value is passed on when it is whole.</summary>
internal abstract class TypedFormat(DeltaSink sink, ToolSchemas schemas) : MachineStage(sink)
{
    private string _tool = "";
    private bool _isOpen;
    private bool _hasArguments;

    protected void BeginCall(string name)
    {
        _tool = name;
        _isOpen = name.Length > 0;
        _hasArguments = false;
        if (_isOpen)
        {
            Sink.BeginCall(name);
            Sink.Arguments("{");
        }
    }

    protected void AddArgument(string key, string value)
    {
        if (!_isOpen)
        {
            return;
        }

        Sink.Arguments(_hasArguments ? ", " : "");
        Sink.Arguments(PythonJson.Quote(key));
        Sink.Arguments(": ");
        Sink.Arguments(schemas.ToJson(_tool, key, value));
        _hasArguments = true;
    }

    protected void EndCall()
    {
        if (_isOpen)
        {
            Sink.Arguments("}");
            Sink.EndCall();
            _isOpen = false;
        }
    }
}

/// <summary>
/// qwen3_coder: &lt;function=NAME&gt;&lt;parameter=KEY&gt;VALUE&lt;/parameter&gt;...&lt;/function&gt;.
/// </summary>
internal sealed class QwenCoderFormat(DeltaSink sink, ToolSchemas schemas) : TypedFormat(sink, schemas)
{
    private const string Function = "<function=";
    private const string FunctionEnd = "</function>";

    private static readonly Markers Begins = new("<tool_call>", Function);
    private static readonly Markers Functions = new(Function);
    private static readonly Markers NameEnd = new(">");
    private static readonly Markers BodyMarks = new(FunctionEnd, Function, "<parameter=");
    private static readonly Markers KeyEnds = new(FunctionEnd, Function, ">");
    private static readonly Markers ValueEnds = new(FunctionEnd, Function, "</parameter>");

    private enum State
    {
        Text,
        Between,
        Name,
        Body,
        Key,
        Value,
    }

    private State _state;
    private string _key = "";

    protected override bool Step(bool isFinal)
    {
        switch (_state)
        {
            case State.Text:
                if (!Pass(Begins, TextUse.Content, isFinal, out _))
                {
                    return false;
                }

                _state = State.Between;
                return true;
            case State.Between:
                if (!Pass(Functions, TextUse.Drop, isFinal, out _))
                {
                    return false;
                }

                Use(Function.Length, TextUse.Drop);
                _state = State.Name;
                Text.RestartSearch();
                return true;
            case State.Name:
                if (!Take(NameEnd, isFinal, out string name, out _))
                {
                    return false;
                }

                BeginCall(name.Trim());
                _state = State.Body;
                return true;
            default:
                return StepInside(isFinal);
        }
    }

    private bool StepInside(bool isFinal)
    {
        Markers marks = _state == State.Body ? BodyMarks : _state == State.Key ? KeyEnds : ValueEnds;
        if (!Take(marks, isFinal, out string text, out int which))
        {
            return false;
        }

        if (which < 2)
        {
            // The call ends with what is whole; a next one may begin without an end of this.
            EndCall();
            _state = which == 0 ? State.Between : State.Name;
            return true;
        }

        if (_state == State.Value)
        {
            text = text.StartsWith('\n') ? text[1..] : text;
            AddArgument(_key, text.EndsWith('\n') ? text[..^1] : text);
        }

        _key = text;
        _state = _state == State.Body ? State.Key : _state == State.Key ? State.Value : State.Body;
        return true;
    }

    // Uses up the text to a marker and the marker.
    private bool Take(Markers marks, bool isFinal, out string text, out int which)
    {
        int at = Text.Find(marks, 0, isFinal, out which);
        text = which < 0 ? "" : Text.Span[..at].ToString();
        Use(which < 0 ? 0 : at + marks.LengthOf(which), TextUse.Drop);
        if (which >= 0)
        {
            Text.RestartSearch();
        }

        return which >= 0;
    }
}

/// <summary>
/// glm45: &lt;tool_call&gt;NAME, then &lt;arg_key&gt;K&lt;/arg_key&gt;&lt;arg_value&gt;V&lt;/arg_value&gt;
/// for each argument, then &lt;/tool_call&gt;.
/// </summary>
internal sealed class GlmFormat(DeltaSink sink, ToolSchemas schemas) : TypedFormat(sink, schemas)
{
    private const string End = "</tool_call>";

    private static readonly Markers Begin = new("<tool_call>");
    private static readonly Markers Keys = new(End, "<arg_key>");
    private static readonly Markers KeyEnds = new(End, "</arg_key>");
    private static readonly Markers Values = new(End, "<arg_value>", "<arg_key>");
    private static readonly Markers ValueEnds = new(End, "</arg_value>");

    private enum State
    {
        Text,
        Name,
        Body,
        Key,
        BeforeValue,
        Value,
    }

    private State _state;
    private bool _isFirst = true;
    private string _key = "";

    protected override bool Step(bool isFinal)
    {
        if (_state == State.Text)
        {
            if (!Pass(Begin, _isFirst ? TextUse.Content : TextUse.Drop, isFinal, out _))
            {
                return false;
            }

            Use(Begin.LengthOf(0), TextUse.Drop);
            _isFirst = false;
            _state = State.Name;
            return true;
        }

        Markers marks = _state switch
        {
            State.Name or State.Body => Keys,
            State.Key => KeyEnds,
            State.BeforeValue => Values,
            _ => ValueEnds,
        };
        int at = Text.Find(marks, 0, isFinal, out int which);
        if (which < 0)
        {
            return false;
        }

        string text = Text.Span[..at].ToString();
        Use(at + marks.LengthOf(which), TextUse.Drop);
        Text.RestartSearch();
        if (_state == State.BeforeValue && which == 2)
        {
            // A key without a value: the next key counts.
            _state = State.Key;
            return true;
        }

        StepInside(text, isEnd: which == 0);
        return true;
    }

    private void StepInside(string text, bool isEnd)
    {
        if (_state == State.Name)
        {
            BeginCall(text.Trim());
        }

        if (isEnd)
        {
            EndCall();
            _state = State.Text;
            return;
        }

        switch (_state)
        {
            case State.Key:
                _key = text.Trim();
                _state = State.BeforeValue;
                break;
            case State.BeforeValue:
                _state = State.Value;
                break;
            case State.Value:
                AddArgument(_key, text);
                _state = State.Body;
                break;
            default:
                _state = State.Key;
                break;
        }
    }
}
