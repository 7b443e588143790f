using Engine.Chat;
using Engine.Tokenization;

namespace Engine.Sampling;

/// <summary>The tokens that open and close a thought, and how many it may have.</summary>
internal sealed class ThoughtBudget
{
    private const string Field = "thinking_token_budget";

    private readonly int _begin;
    private readonly int _end;
    private readonly bool _startsInThought;

    public ThoughtBudget(int tokens, int begin, int end, bool startsInThought)
    {
        Tokens = tokens;
        _begin = begin;
        _end = end;
        _startsInThought = startsInThought;
    }

    public int Tokens { get; }

    /// <summary>What a thought has to end with.</summary>
    public int End => _end;

    /// <summary>Null without a budget.</summary>
    /// <exception cref="EngineException">InvalidArgument: the model's thoughts cannot be told by single tokens.</exception>
    public static ThoughtBudget? Of(SamplingParams parameters, ITokenizer? tokenizer)
    {
        if (parameters.ThinkingTokenBudget is not (int tokens and >= 0))
        {
            return null;
        }

        (string begin, string end, _) = ChatParsers.ThoughtMarks(parameters.ReasoningParser ?? "")
            ?? throw EngineException.Invalid(
                Field, "needs a model whose thoughts stand between tags, and reasoning_parser to name them");
        return ChatParsers.TokensOf(begin, end, tokenizer) is (int first, int last)
            ? new ThoughtBudget(tokens, first, last, parameters.StartsInThought)
            : throw EngineException.Invalid(Field, $"needs {begin} and {end} to be tokens of the vocabulary");
    }

    /// <summary>Tokens of the thought that goes on; -1 outside of one.</summary>
    public int StartOf(ReadOnlySpan<int> prompt)
    {
        int open = prompt.LastIndexOf(_begin);
        int closed = prompt.LastIndexOf(_end);
        return open > closed ? prompt.Length - 1 - open : _startsInThought ? 0 : -1;
    }

    /// <summary>The same after one more token.</summary>
    public int Next(int count, int token) =>
        token == _end ? -1
        : token == _begin ? 0
        : count < 0 ? -1
        : count + 1;
}
