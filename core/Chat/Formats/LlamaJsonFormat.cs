using Engine.Chat.Parsing;

namespace Engine.Chat.Formats;

/// <summary>
/// llama3_json: objects with ";" between them, at the very beginning or behind &lt;|python_tag|&gt;. Objects
/// anywhere else are text.
/// </summary>
internal sealed class LlamaJsonFormat(DeltaSink sink) : MachineStage(sink)
{
    private static readonly Markers Tag = new("<|python_tag|>");

    private enum State
    {
        Beginning,
        Text,
        FirstCall,
        Between,
        NextCall,
        Plain,
        After,
    }

    private State _state;
    private bool _isTagged;
    private int _at;
    private CallObject? _object;

    protected override bool Step(bool isFinal) => _state switch
    {
        State.Beginning => StepBeginning(isFinal),
        State.Text => StepText(isFinal),
        State.FirstCall => StepFirst(isFinal),
        State.Between => StepBetween(),
        State.NextCall => StepNext(isFinal),
        State.Plain => UseAll(TextUse.Content),
        _ => UseAll(TextUse.Drop),
    };

    private bool StepBeginning(bool isFinal)
    {
        _at = SkipSpace(_at);
        if (_at >= Text.Length)
        {
            return isFinal && UseAll(TextUse.Content);
        }

        _state = Text[_at] == '{' ? State.FirstCall : State.Text;
        return true;
    }

    private bool StepText(bool isFinal)
    {
        if (!Pass(Tag, TextUse.Content, isFinal, out _))
        {
            return false;
        }

        _isTagged = true;
        _at = Tag.LengthOf(0);
        _state = State.FirstCall;
        return true;
    }

    private bool StepFirst(bool isFinal)
    {
        if (_object is null)
        {
            _at = SkipSeparators(_at);
            if (_at >= Text.Length)
            {
                return isFinal && NoCall();
            }

            if (Text[_at] != '{')
            {
                return NoCall();
            }

            _object = new CallObject(Text, Sink, null, _at);
        }

        ScanResult result = _object.Advance(isFinal);
        if (result == ScanResult.More && !isFinal)
        {
            return false;
        }

        if (!_object.HasName)
        {
            return NoCall();
        }

        _state = result == ScanResult.Complete ? State.Between : State.After;
        return true;
    }

    // What is behind the tag and no call goes back with the tag; what began like a call may hold one yet.
    private bool NoCall()
    {
        _object = null;
        _state = _isTagged ? State.Plain : State.Text;
        return true;
    }

    private bool StepBetween()
    {
        Use(SkipSeparators(0), TextUse.Drop);
        if (Text.Length == 0)
        {
            return false;
        }

        _object = new CallObject(Text, Sink, null, 0);
        _state = Text[0] == '{' ? State.NextCall : State.After;
        return true;
    }

    private bool StepNext(bool isFinal)
    {
        ScanResult result = _object!.Advance(isFinal);
        if (result == ScanResult.More && !isFinal)
        {
            return false;
        }

        _state = result == ScanResult.Complete && _object.HasName ? State.Between : State.After;
        return true;
    }

    private int SkipSeparators(int at)
    {
        while (at < Text.Length && Text[at] is (' ' or '\t' or '\r' or '\n' or ';'))
        {
            at++;
        }

        return at;
    }
}
