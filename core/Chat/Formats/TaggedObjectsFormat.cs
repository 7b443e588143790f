using Engine.Chat.Parsing;

namespace Engine.Chat.Formats;

/// <summary>
/// hermes, granite4: any number of &lt;tool_call&gt;{"name": ..., "arguments": ...}&lt;/tool_call&gt;.
/// </summary>
/// <param name="sink">Takes the deltas.</param>
/// <param name="keepsText">Text between and after the calls is content, too (granite4).</param>
internal sealed class TaggedObjectsFormat(DeltaSink sink, bool keepsText) : MachineStage(sink)
{
    private const string End = "</tool_call>";

    private static readonly Markers Begins = new("<tool_call>");
    private static readonly Markers Ends = new(End);
    private static readonly Markers Both = new(End, "<tool_call>");

    private enum State
    {
        Text,
        Object,
        NoCall,
        AfterObject,
    }

    private State _state;
    private bool _isFirst = true;
    private CallObject? _object;
    private long _numFed;
    private long _numReread;

    public override void Feed(ReadOnlySpan<char> text)
    {
        _numFed += text.Length;
        base.Feed(text);
    }

    protected override bool Step(bool isFinal) => _state switch
    {
        State.Text => StepText(isFinal),
        State.Object => StepObject(isFinal),
        State.NoCall => StepNoCall(isFinal),
        _ => StepAfter(isFinal),
    };

    private bool StepText(bool isFinal)
    {
        TextUse use = _isFirst || keepsText ? TextUse.Content : TextUse.Drop;
        if (!Pass(Begins, use, isFinal, out _))
        {
            return false;
        }

        _isFirst = false;
        _object = new CallObject(Text, Sink, Ends, Begins.LengthOf(0));
        _state = State.Object;
        return true;
    }

    private bool StepObject(bool isFinal)
    {
        ScanResult result = _object!.Advance(isFinal);
        if (result == ScanResult.More)
        {
            if (isFinal)
            {
                UseAll(_object.HasName ? TextUse.Drop : TextUse.Content);
            }

            return false;
        }

        if (!_object.HasName)
        {
            _numReread += _object.At;
        }

        _state = _object.HasName ? State.AfterObject : State.NoCall;
        Text.RestartSearch();
        return true;
    }

    // The region goes back as it is, end marker included. That marker may stand in a string of a broken
    // object: what follows it is then read once more, which hostile text could make quadratic.
    private bool StepNoCall(bool isFinal)
    {
        if (_numReread > (8 * _numFed) + 65536)
        {
            return UseAll(TextUse.Content);
        }

        if (!Pass(Ends, TextUse.Content, isFinal, out _))
        {
            return false;
        }

        Use(End.Length, TextUse.Content);
        _state = State.Text;
        Text.RestartSearch();
        return true;
    }

    private bool StepAfter(bool isFinal)
    {
        int at = Text.Find(Both, 0, isFinal, out int which);
        if (which < 0 && !isFinal)
        {
            // granite4 may yet have to give this back: without an end marker it is text.
            Use(keepsText ? 0 : at, TextUse.Drop);
            return false;
        }

        bool isText = keepsText && which != 0
            && !(which < 0 && End.AsSpan().StartsWith(Text.Span[..at].Trim(), StringComparison.Ordinal));
        Use(at, isText ? TextUse.Content : TextUse.Drop);
        Use(which == 0 ? End.Length : 0, TextUse.Drop);
        _state = State.Text;
        Text.RestartSearch();
        return which >= 0;
    }
}
