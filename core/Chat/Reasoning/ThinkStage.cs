using System.Text;
using Engine.Chat.Parsing;

namespace Engine.Chat.Reasoning;

/// <summary>What a think stage reads.</summary>
internal sealed record ThinkTags
{
    /// <summary>The start tag: dropped at the very beginning, or what begins a thought.</summary>
    public required string Start { get; init; }

    /// <summary>The end tag first, then markers that end the thought, too, and stay.</summary>
    public required Markers Ends { get; init; }

    /// <summary>The output begins inside the thought: the start tag is usually in the prompt.</summary>
    public bool BeginsInside { get; init; } = true;

    /// <summary>White space at the thought's end is dropped.</summary>
    public bool TrimsEnd { get; init; }
}

/// <summary>deepseek_r1, qwen3, glm45, kimi_k2, mistral: a thought between tags, then the answer.</summary>
/// <param name="sink">Takes the deltas.</param>
/// <param name="next">Reads the answer.</param>
/// <param name="tags">The format's.</param>
/// <param name="needsTag">The output begins with a thought only if it opens one itself.</param>
internal sealed class ThinkStage(DeltaSink sink, OutputStage next, ThinkTags tags, bool needsTag) : MachineStage(sink)
{
    private enum State
    {
        Beginning,
        Before,
        Thought,
        Answer,
    }

    // Before a thought that need not come, a marker of another kind says that none will.
    private readonly Markers _begins = new([tags.Start, .. tags.Ends.All[1..]]);
    private readonly Markers _start = new(tags.Start);
    private State _state = tags.BeginsInside ? State.Beginning : State.Before;
    private int _at;
    private readonly StringBuilder _blank = new();

    public override void Finish()
    {
        base.Finish();
        next.Finish();
    }

    protected override void OnContent(ReadOnlySpan<char> text) => next.Feed(text);

    protected override bool Step(bool isFinal) => _state switch
    {
        State.Beginning => StepBeginning(isFinal),
        State.Before => StepBefore(isFinal),
        State.Thought => StepThought(isFinal),
        _ => UseAll(TextUse.Content),
    };

    private bool StepBeginning(bool isFinal)
    {
        _at = SkipSpace(_at);
        if (_at >= Text.Length && !isFinal)
        {
            return false;
        }

        bool isTag = Text.MatchAt(_start, _at, isFinal, out bool mayMatch) >= 0;
        if (mayMatch)
        {
            return false;
        }

        Use(isTag ? _at + tags.Start.Length : 0, TextUse.Drop);
        _state = isTag || !needsTag ? State.Thought : State.Answer;
        return true;
    }

    private bool StepBefore(bool isFinal)
    {
        if (!Pass(_begins, TextUse.Content, isFinal, out int which))
        {
            return false;
        }

        Use(which == 0 ? tags.Start.Length : 0, TextUse.Drop);
        _state = which == 0 ? State.Thought : State.Answer;
        return true;
    }

    private bool StepThought(bool isFinal)
    {
        int at = Text.Find(tags.Ends, 0, isFinal, out int which);
        AddThought(at);
        if (which < 0)
        {
            return false;
        }

        Use(which == 0 ? tags.Ends.LengthOf(0) : 0, TextUse.Drop);
        _state = State.Answer;
        return true;
    }

    private void AddThought(int count)
    {
        if (!tags.TrimsEnd)
        {
            Use(count, TextUse.Reasoning);
            return;
        }

        int end = count;
        while (end > 0 && DeltaSink.IsBlank(Text.Span.Slice(end - 1, 1)))
        {
            end--;
        }

        if (end > 0)
        {
            Sink.Reasoning(_blank.ToString());
            Sink.Reasoning(Text.Span[..end]);
            _blank.Clear();
        }

        _blank.Append(Text.Span[end..count]);
        Use(count, TextUse.Drop);
    }
}

/// <summary>granite: two sentences; a thought that is never answered is content.</summary>
internal sealed class GraniteThoughtStage(DeltaSink sink, OutputStage next) : MachineStage(sink)
{
    private static readonly Markers Starts = new("Here's my thought process:", "Here is my thought process:");
    private static readonly Markers Answers = new("Here's my response:", "Here is my response:");

    private enum State
    {
        Beginning,
        Thought,
        Answer,
    }

    private State _state;
    private int _startLength;

    public override void Finish()
    {
        base.Finish();
        next.Finish();
    }

    protected override void OnContent(ReadOnlySpan<char> text) => next.Feed(text);

    protected override bool Step(bool isFinal)
    {
        switch (_state)
        {
            case State.Beginning:
                int start = Text.MatchAt(Starts, 0, isFinal, out bool mayMatch);
                if (mayMatch)
                {
                    return false;
                }

                _startLength = start < 0 ? 0 : Starts.LengthOf(start);
                _state = start < 0 ? State.Answer : State.Thought;
                return true;
            case State.Thought:
                int at = Text.Find(Answers, _startLength, isFinal, out int which);
                if (which < 0)
                {
                    return isFinal && UseAll(TextUse.Content);
                }

                Use(_startLength, TextUse.Drop);
                Use(at - _startLength, TextUse.Reasoning);
                Use(Answers.LengthOf(which), TextUse.Drop);
                _state = State.Answer;
                return true;
            default:
                return UseAll(TextUse.Content);
        }
    }
}
