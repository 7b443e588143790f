using Engine.Tokenization.Templating;

namespace Engine.Chat.Parsing;

/// <summary>What becomes of text.</summary>
internal enum TextUse
{
    /// <summary>It is content.</summary>
    Content,

    /// <summary>It is reasoning.</summary>
    Reasoning,

    /// <summary>It is markup.</summary>
    Drop,
}

/// <summary>Takes text in pieces of any size. One that reads markup waits where a piece may go on as such.</summary>
internal abstract class OutputStage
{
    public abstract void Feed(ReadOnlySpan<char> text);

    /// <summary>No more text comes; what waits is decided.</summary>
    public abstract void Finish();
}

/// <summary>The last stage where no calls are looked for: all is content.</summary>
internal sealed class ContentStage(DeltaSink sink) : OutputStage
{
    public override void Feed(ReadOnlySpan<char> text) => sink.Content(text);

    public override void Finish()
    {
    }
}

/// <summary>A stage as a machine of states over the text that is not used up.</summary>
internal abstract class MachineStage(DeltaSink sink) : OutputStage
{
    protected PendingText Text { get; } = new();

    protected DeltaSink Sink { get; } = sink;

    public override void Feed(ReadOnlySpan<char> text)
    {
        Text.Append(text);
        while (Step(isFinal: false))
        {
        }
    }

    public override void Finish()
    {
        while (Step(isFinal: true))
        {
        }
    }

    /// <summary>Uses up text, or changes the state; false when more text is needed or none is left.</summary>
    protected abstract bool Step(bool isFinal);

    /// <summary>Uses up text to the next marker, which stays; which is -1 if none is there yet.</summary>
    protected bool Pass(Markers markers, TextUse use, bool isFinal, out int which)
    {
        int at = Text.Find(markers, 0, isFinal, out which);
        Use(at, use);
        return which >= 0;
    }

    protected void Use(int count, TextUse use)
    {
        if (use == TextUse.Content)
        {
            OnContent(Text.Span[..count]);
        }
        else if (use == TextUse.Reasoning)
        {
            Sink.Reasoning(Text.Span[..count]);
        }

        Text.Consume(count);
    }

    protected virtual void OnContent(ReadOnlySpan<char> text) => Sink.Content(text);

    /// <summary>Uses up all that is there; false, for more may come.</summary>
    protected bool UseAll(TextUse use)
    {
        Use(Text.Length, use);
        return false;
    }

    /// <summary>Index of the first character that is not white space of JSON.</summary>
    protected int SkipBlank(int at)
    {
        while (at < Text.Length && Text[at] is (' ' or '\t' or '\r' or '\n'))
        {
            at++;
        }

        return at;
    }

    /// <summary>Index of the first character that is not white space of any kind.</summary>
    protected int SkipSpace(int at)
    {
        while (at < Text.Length && Unicode.IsSpace(Text[at]))
        {
            at++;
        }

        return at;
    }
}
