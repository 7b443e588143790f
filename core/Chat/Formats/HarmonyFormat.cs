using Engine.Chat.Parsing;

namespace Engine.Chat.Formats;

/// <summary>
/// openai (harmony): messages &lt;|channel|&gt;NAME [to=RECIPIENT]&lt;|message|&gt;TEXT&lt;|end|&gt;. The channel
/// analysis is reasoning; final, and commentary to nobody, are content; to=functions.NAME is a call.
/// </summary>
internal sealed class HarmonyFormat(DeltaSink sink) : MachineStage(sink)
{
    private const string Channel = "<|channel|>";
    private const string FunctionPrefix = "functions.";

    private static readonly Markers HeadEnd = new("<|message|>");
    private static readonly Markers AnyMark = new("<|message|>", Channel, "<|start|>");
    private static readonly Markers BodyEnds = new("<|start|>", "<|end|>", "<|call|>", "<|return|>");

    private enum State
    {
        Beginning,
        Plain,
        Head,
        Body,
    }

    private enum Kind
    {
        Other,
        Reasoning,
        Content,
        Call,
    }

    private State _state;
    private Kind _kind;
    private bool _hasReasoning;
    private bool _hasContent;
    private bool _isBodyBlank;
    private int _at;

    protected override bool Step(bool isFinal) => _state switch
    {
        State.Beginning => StepBeginning(isFinal),
        State.Plain => StepPlain(isFinal),
        State.Head => StepHead(isFinal),
        _ => StepBody(isFinal),
    };

    // The prompt ends where a head begins. A model that was made to write something else writes text.
    private bool StepBeginning(bool isFinal)
    {
        _at = SkipSpace(_at);
        ReadOnlySpan<char> text = Text.Span[_at..];
        if (text.IsEmpty && !isFinal)
        {
            return false;
        }

        bool isHead = text.StartsWith("<", StringComparison.Ordinal)
            || "to=".AsSpan().StartsWith(text, StringComparison.Ordinal)
            || text.StartsWith("to=", StringComparison.Ordinal);
        if (isHead && text.Length < 3 && !isFinal)
        {
            return false;
        }

        _state = isHead && text.Length > 0 ? State.Head : State.Plain;
        return true;
    }

    private bool StepPlain(bool isFinal)
    {
        if (!Pass(AnyMark, TextUse.Content, isFinal, out _))
        {
            return false;
        }

        _hasContent = true;
        _state = State.Head;
        return true;
    }

    private bool StepHead(bool isFinal)
    {
        int at = Text.Find(HeadEnd, 0, isFinal, out int which);
        if (which < 0)
        {
            return isFinal && EndWithoutMessage();
        }

        string head = Text.Span[..at].ToString();
        Use(at + HeadEnd.LengthOf(0), TextUse.Drop);
        BeginBody(head);
        _state = State.Body;
        return true;
    }

    private bool EndWithoutMessage()
    {
        bool isText = !_hasReasoning && !_hasContent && Sink.NumCalls == 0
            && !Text.Span.Contains("<|", StringComparison.Ordinal);
        return UseAll(isText ? TextUse.Content : TextUse.Drop);
    }

    private void BeginBody(string head)
    {
        string? channel = Word(head, Channel, isChannel: true);
        string? recipient = Word(head, "to=", isChannel: false);
        _isBodyBlank = true;
        if (recipient is not null && recipient.StartsWith(FunctionPrefix, StringComparison.Ordinal)
            && recipient.Length > FunctionPrefix.Length)
        {
            _kind = Kind.Call;
            Sink.BeginCall(recipient[FunctionPrefix.Length..]);
        }
        else if (channel == "analysis")
        {
            _kind = Kind.Reasoning;
            Sink.Reasoning(_hasReasoning ? "\n" : "");
            _hasReasoning = true;
        }
        else if (channel == "final" || (channel == "commentary" && recipient is null))
        {
            _kind = Kind.Content;
            Sink.Content(_hasContent ? "\n" : "");
            _hasContent = true;
        }
        else
        {
            _kind = Kind.Other;
        }
    }

    private bool StepBody(bool isFinal)
    {
        int at = Text.Find(BodyEnds, 0, isFinal, out int which);
        if (_kind == Kind.Call)
        {
            ReadOnlySpan<char> arguments = Text.Span[..at];
            arguments = _isBodyBlank ? arguments.TrimStart() : arguments;
            _isBodyBlank &= arguments.IsEmpty;
            Sink.Arguments(arguments);
        }

        Use(at, _kind == Kind.Content ? TextUse.Content : _kind == Kind.Reasoning ? TextUse.Reasoning : TextUse.Drop);
        if (which < 0)
        {
            return false;
        }

        if (_kind == Kind.Call)
        {
            Sink.EndCall();
        }

        Use(which == 0 ? 0 : BodyEnds.LengthOf(which), TextUse.Drop);
        Text.RestartSearch();
        _state = State.Head;
        return true;
    }

    // The first word behind a label, or null.
    private static string? Word(string head, string label, bool isChannel)
    {
        for (int from = head.IndexOf(label, StringComparison.Ordinal);
            from >= 0;
            from = head.IndexOf(label, from + 1, StringComparison.Ordinal))
        {
            ReadOnlySpan<char> rest = head.AsSpan(from + label.Length);
            rest = isChannel ? rest.TrimStart() : rest;
            int length = 0;
            while (length < rest.Length && (isChannel
                ? char.IsAsciiLetterLower(rest[length])
                : rest[length] != '<' && !char.IsWhiteSpace(rest[length])))
            {
                length++;
            }

            if (length > 0)
            {
                return rest[..length].ToString();
            }
        }

        return null;
    }
}
