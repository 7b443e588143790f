using System.Text;
using Engine.Tokenization.Templating;

namespace Engine.Chat.Parsing;

/// <summary>
/// Collects the deltas of one output. White space alone is content only if no call follows: it is
/// held back until that is known.
/// </summary>
internal sealed class DeltaSink
{
    private readonly List<ChatDelta> _deltas = [];
    private readonly StringBuilder _run = new();
    private readonly StringBuilder _blank = new();
    private readonly StringBuilder _blankArguments = new();
    private ChatDeltaKind _runKind;
    private bool _hasContent;
    private bool _isCallOpen;
    private bool _hasArguments;

    /// <summary>Calls begun so far.</summary>
    public int NumCalls { get; private set; }

    public void Content(ReadOnlySpan<char> text)
    {
        if (!_hasContent)
        {
            if (IsBlank(text))
            {
                _blank.Append(text);
                return;
            }

            _hasContent = true;
            AddBlank();
        }

        Add(ChatDeltaKind.Content, text);
    }

    public void Reasoning(ReadOnlySpan<char> text) => Add(ChatDeltaKind.Reasoning, text);

    public void BeginCall(string name, string? id = null)
    {
        EndCall();
        EndRun();
        _deltas.Add(new ChatDelta(ChatDeltaKind.ToolCall, name, NumCalls++, id));
        _isCallOpen = true;
        _hasArguments = false;
    }

    /// <summary>Adds arguments as they are; white space at their end is dropped unless more follows.</summary>
    public void Arguments(ReadOnlySpan<char> text)
    {
        int end = text.Length;
        while (end > 0 && Unicode.IsSpace(text[end - 1]))
        {
            end--;
        }

        if (end > 0)
        {
            foreach (ReadOnlyMemory<char> chunk in _blankArguments.GetChunks())
            {
                Add(ChatDeltaKind.Arguments, chunk.Span);
            }

            _blankArguments.Clear();
            Add(ChatDeltaKind.Arguments, text[..end]);
            _hasArguments = true;
        }

        if (_hasArguments)
        {
            _blankArguments.Append(text[end..]);
        }
    }

    /// <summary>The call under way has all its arguments; none at all are an empty object.</summary>
    public void EndCall()
    {
        if (_isCallOpen && !_hasArguments)
        {
            Add(ChatDeltaKind.Arguments, "{}");
        }

        _isCallOpen = false;
        _blankArguments.Clear();
    }

    /// <summary>The output has ended.</summary>
    public void Finish()
    {
        EndCall();
        if (!_hasContent && NumCalls == 0)
        {
            AddBlank();
        }
    }

    /// <summary>Hands out what was added since the last time.</summary>
    public IReadOnlyList<ChatDelta> Take()
    {
        EndRun();
        if (_deltas.Count == 0)
        {
            return [];
        }

        ChatDelta[] taken = [.. _deltas];
        _deltas.Clear();
        return taken;
    }

    public static bool IsBlank(ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            if (!Unicode.IsSpace(c))
            {
                return false;
            }
        }

        return true;
    }

    private void AddBlank()
    {
        foreach (ReadOnlyMemory<char> chunk in _blank.GetChunks())
        {
            Add(ChatDeltaKind.Content, chunk.Span);
        }

        _blank.Clear();
    }

    private void Add(ChatDeltaKind kind, ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
        {
            return;
        }

        if (_runKind != kind)
        {
            EndRun();
            _runKind = kind;
        }

        _run.Append(text);
    }

    private void EndRun()
    {
        if (_run.Length > 0)
        {
            _deltas.Add(new ChatDelta(
                _runKind, _run.ToString(), _runKind == ChatDeltaKind.Arguments ? NumCalls - 1 : -1));
            _run.Clear();
        }
    }
}
