using Engine.Chat.Parsing;

namespace Engine.Chat.Formats;

/// <summary>The markers of a format whose calls stand in one section, each with a head and a JSON value.</summary>
internal sealed record SectionMarkers
{
    public required Markers SectionBegin { get; init; }

    /// <summary>A call begins, the section ends.</summary>
    public required Markers CallOrEnd { get; init; }

    /// <summary>What ends a call's head.</summary>
    public required Markers HeadEnd { get; init; }

    /// <summary>What ends the arguments even inside of an open bracket.</summary>
    public required Markers ValueStops { get; init; }

    public required Markers CallEnd { get; init; }

    /// <summary>Text that has to stand between the head's end and the value, after a line with the name.</summary>
    public string? Fence { get; init; }
}

/// <summary>deepseek_v3, deepseek_v31, kimi_k2. Text behind the section's beginning is never content.</summary>
internal abstract class SectionFormat(DeltaSink sink, SectionMarkers markers) : MachineStage(sink)
{
    private enum State
    {
        Text,
        Section,
        Head,
        Fence,
        Value,
        CallEnd,
        After,
    }

    private static readonly Markers LineEnd = new("\n");

    private State _state;
    private ValueArguments? _value;
    private bool _isWanted;
    private string _name = "";

    protected override bool Step(bool isFinal) => _state switch
    {
        State.Text => StepMarker(markers.SectionBegin, TextUse.Content, State.Section, isFinal),
        State.Section => StepSection(isFinal),
        State.Head => StepHead(isFinal),
        State.Fence => StepFence(isFinal),
        State.Value => StepValue(isFinal),
        State.CallEnd => StepMarker(markers.CallEnd, TextUse.Drop, State.Section, isFinal),
        _ => UseAll(TextUse.Drop),
    };

    /// <summary>Name and id of a call, or null if the head has none.</summary>
    protected abstract (string Name, string? Id)? ReadHead(string head);

    private bool StepMarker(Markers wanted, TextUse use, State next, bool isFinal)
    {
        if (!Pass(wanted, use, isFinal, out int which))
        {
            return false;
        }

        Use(wanted.LengthOf(which), TextUse.Drop);
        _state = next;
        Text.RestartSearch();
        return true;
    }

    private bool StepSection(bool isFinal)
    {
        if (!Pass(markers.CallOrEnd, TextUse.Drop, isFinal, out int which))
        {
            return false;
        }

        Use(markers.CallOrEnd.LengthOf(which), TextUse.Drop);
        _state = which == 0 ? State.Head : State.After;
        return true;
    }

    private bool StepHead(bool isFinal)
    {
        int at = Text.Find(markers.HeadEnd, 0, isFinal, out int which);
        if (which < 0)
        {
            return false;
        }

        if (markers.Fence is not null)
        {
            Use(at + markers.HeadEnd.LengthOf(which), TextUse.Drop);
            _state = State.Fence;
            Text.RestartSearch();
            return true;
        }

        string head = Text.Span[..at].Trim().ToString();
        Use(at + markers.HeadEnd.LengthOf(which), TextUse.Drop);
        Begin(ReadHead(head));
        return true;
    }

    private bool StepFence(bool isFinal)
    {
        int lineEnd = Text.Find(LineEnd, 0, isFinal, out int which);
        if (which < 0)
        {
            return false;
        }

        ReadOnlySpan<char> rest = Text.Span[(lineEnd + 1)..];
        string fence = markers.Fence!;
        _name = Text.Span[..lineEnd].Trim().ToString();
        if (rest.StartsWith(fence, StringComparison.Ordinal))
        {
            Use(lineEnd + 1 + fence.Length, TextUse.Drop);
            Begin(ReadHead(_name));
            return true;
        }

        if (!fence.AsSpan().StartsWith(rest, StringComparison.Ordinal))
        {
            _state = State.After;
            return true;
        }

        if (isFinal && ReadHead(_name) is { } call)
        {
            Sink.BeginCall(call.Name, call.Id);
            UseAll(TextUse.Drop);
        }

        return false;
    }

    private void Begin((string Name, string? Id)? call)
    {
        _isWanted = call is not null;
        if (call is { } known)
        {
            Sink.BeginCall(known.Name, known.Id);
        }

        _value = new ValueArguments(Text, Sink, markers.ValueStops);
        _state = State.Value;
    }

    private bool StepValue(bool isFinal)
    {
        if (_value!.Advance(isFinal, _isWanted) == ScanResult.More)
        {
            return false;
        }

        _state = State.CallEnd;
        Text.RestartSearch();
        return true;
    }
}

/// <summary>deepseek_v3 and deepseek_v31.</summary>
internal sealed class DeepSeekFormat(DeltaSink sink, bool isV31)
    : SectionFormat(sink, isV31 ? V31 : V3)
{
    private const string CallEndMark = "<｜tool▁call▁end｜>";

    private static readonly SectionMarkers V31 = new()
    {
        SectionBegin = new Markers("<｜tool▁calls▁begin｜>"),
        CallOrEnd = new Markers("<｜tool▁call▁begin｜>", "<｜tool▁calls▁end｜>"),
        HeadEnd = new Markers("<｜tool▁sep｜>"),
        ValueStops = new Markers(CallEndMark),
        CallEnd = new Markers(CallEndMark),
    };

    // The head is "function"; the name is the line behind the separator.
    private static readonly SectionMarkers V3 = V31 with
    {
        ValueStops = new Markers(CallEndMark, "\n```"),
        Fence = "```json\n",
    };

    protected override (string Name, string? Id)? ReadHead(string head) => head.Length > 0 ? (head, null) : null;
}

/// <summary>kimi_k2: the head is the call's id, "functions.NAME:INDEX".</summary>
internal sealed class KimiFormat(DeltaSink sink) : SectionFormat(sink, K2)
{
    private const string CallEndMark = "<|tool_call_end|>";
    private const string SectionEnd = "<|tool_calls_section_end|>";

    private static readonly SectionMarkers K2 = new()
    {
        SectionBegin = new Markers("<|tool_calls_section_begin|>"),
        CallOrEnd = new Markers("<|tool_call_begin|>", SectionEnd),
        HeadEnd = new Markers("<|tool_call_argument_begin|>"),
        ValueStops = new Markers(CallEndMark, SectionEnd),
        CallEnd = new Markers(CallEndMark),
    };

    protected override (string Name, string? Id)? ReadHead(string head)
    {
        const string prefix = "functions.";
        int colon = head.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0 || colon + 1 >= head.Length || !char.IsAsciiDigit(head[colon + 1]))
        {
            return null;
        }

        string name = head[..colon];
        name = name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : name;
        return name.Length > 0 ? (name, head) : null;
    }
}
