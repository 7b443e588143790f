using Engine.Chat.Parsing;

namespace Engine.Chat.Formats;

/// <summary>
/// granite, jamba, phi4_mini_json, mistral before v11, internlm: a marker, then a JSON list of calls or
/// one call. What follows is dropped; without a call all goes back as content.
/// </summary>
/// <param name="sink">Takes the deltas.</param>
/// <param name="begins">The markers.</param>
/// <param name="stops">What ends the calls, or null.</param>
/// <param name="needsBracket">The marker counts only with a list's bracket behind it.</param>
internal sealed class MarkedListFormat(DeltaSink sink, Markers begins, Markers? stops, bool needsBracket = false)
    : MachineStage(sink)
{
    private enum State
    {
        Text,
        Calls,
        NoCall,
        After,
    }

    private State _state;
    private CallList? _calls;

    protected override bool Step(bool isFinal) => _state switch
    {
        State.Text => StepText(isFinal),
        State.Calls => StepCalls(isFinal),
        State.NoCall => UseAll(TextUse.Content),
        _ => UseAll(TextUse.Drop),
    };

    private bool StepText(bool isFinal)
    {
        if (!Pass(begins, TextUse.Content, isFinal, out int which))
        {
            return false;
        }

        int length = begins.LengthOf(which);
        int at = SkipBlank(length);
        if (needsBracket && at < Text.Length && Text[at] != '[')
        {
            Use(length, TextUse.Content);
            return true;
        }

        if (needsBracket && at >= Text.Length)
        {
            return isFinal && UseAll(TextUse.Content);
        }

        _calls = new CallList(Text, Sink, stops, length);
        _state = State.Calls;
        return true;
    }

    private bool StepCalls(bool isFinal)
    {
        ScanResult result = _calls!.Advance(isFinal);
        if (result == ScanResult.More && !isFinal)
        {
            return false;
        }

        _state = result == ScanResult.Complete || _calls.HasCalls ? State.After : State.NoCall;
        return true;
    }
}
