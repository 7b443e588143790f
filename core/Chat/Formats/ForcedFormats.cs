using Engine.Chat.Parsing;

namespace Engine.Chat.Formats;

/// <summary>The whole output is the arguments of one call: a tool was named and a grammar held to it.</summary>
internal sealed class NamedCallStage(DeltaSink sink, string name) : OutputStage
{
    public override void Feed(ReadOnlySpan<char> text)
    {
        if (sink.NumCalls == 0)
        {
            sink.BeginCall(name);
            text = text.TrimStart();
        }

        sink.Arguments(text);
    }

    public override void Finish()
    {
    }
}

/// <summary>The whole output is a JSON list of calls: some call was required.</summary>
internal sealed class CallListStage(DeltaSink sink) : MachineStage(sink)
{
    private CallList? _calls;
    private bool _isOver;

    protected override bool Step(bool isFinal)
    {
        if (_isOver)
        {
            return UseAll(TextUse.Drop);
        }

        _calls ??= new CallList(Text, Sink, null, 0);
        ScanResult result = _calls.Advance(isFinal);
        if (result == ScanResult.More && !isFinal)
        {
            return false;
        }

        _isOver = true;
        return _calls.HasCalls || UseAll(TextUse.Content);
    }
}
