using Engine.Chat.Parsing;

namespace Engine.Chat.Formats;

/// <summary>
/// mistral, v11 and later: any number of [TOOL_CALLS]name[ARGS]{...}, also without [ARGS], and with
/// [CALL_ID]id before it.
/// </summary>
internal sealed class MistralFormat(DeltaSink sink) : MachineStage(sink)
{
    private const string IdMarker = "[CALL_ID]";

    private static readonly Markers Call = new("[TOOL_CALLS]");
    private static readonly Markers HeadEnds = new("[ARGS]", "{", "[TOOL_CALLS]");

    private enum State
    {
        Text,
        Head,
        Value,
        Between,
        After,
    }

    private State _state;
    private ValueArguments? _value;

    protected override bool Step(bool isFinal)
    {
        switch (_state)
        {
            case State.Text:
            case State.Between:
                TextUse use = _state == State.Text ? TextUse.Content : TextUse.Drop;
                if (!Pass(Call, use, isFinal, out _))
                {
                    return false;
                }

                Use(Call.LengthOf(0), TextUse.Drop);
                _state = State.Head;
                return true;
            case State.Head:
                return StepHead(isFinal);
            case State.Value:
                if (_value!.Advance(isFinal) == ScanResult.More)
                {
                    return false;
                }

                _state = State.Between;
                return true;
            default:
                return UseAll(TextUse.Drop);
        }
    }

    private bool StepHead(bool isFinal)
    {
        int at = Text.Find(HeadEnds, 0, isFinal, out int which);
        if (which < 0)
        {
            return false;
        }

        ReadOnlySpan<char> head = Text.Span[..at];
        string? id = null;
        int idAt = head.IndexOf(IdMarker, StringComparison.Ordinal);
        if (idAt >= 0)
        {
            id = head[(idAt + IdMarker.Length)..].Trim().ToString();
            head = head[..idAt];
        }

        string name = head.Trim().ToString();
        if (which == 2)
        {
            // No arguments at all: not a call; the next may be one.
            Use(at, TextUse.Drop);
            _state = State.Between;
            return true;
        }

        Use(which == 0 ? at + HeadEnds.LengthOf(0) : at, TextUse.Drop);
        if (name.Length == 0)
        {
            _state = State.After;
            return true;
        }

        Sink.BeginCall(name, string.IsNullOrEmpty(id) ? null : id);
        _value = new ValueArguments(Text, Sink, Call);
        _state = State.Value;
        return true;
    }
}
