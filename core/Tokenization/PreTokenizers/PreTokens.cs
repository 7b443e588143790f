using Engine.Tokenization.Patterns;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.PreTokenizers;

/// <summary>What a Split does with what it finds (the names are the file format's).</summary>
internal enum SplitBehavior
{
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// <summary>A text and the words it has been cut into so far.</summary>
internal sealed class PreTokens
{
    private List<(int Start, int End)> _words = [];
    private List<(int Start, int End)> _newWords = [];

    public NormalizedText Text { get; } = new();

    public List<(int Start, int End)> Words => _words;

    /// <summary>Starts with one word: all of the text, which the caller has loaded.</summary>
    public void Reset()
    {
        _words.Clear();
        AddIfAny(_words, 0, Text.Length);
    }

    /// <summary>Starts a new list of words; Words stays the old one until CommitWords.</summary>
    public void BeginWords() => _newWords.Clear();

    public void AddWord(int start, int end) => AddIfAny(_newWords, start, end);

    public void CommitWords() => (_words, _newWords) = (_newWords, _words);

    /// <summary>Cuts every word at the matches of a pattern.</summary>
    public void Split(Pattern pattern, SplitBehavior behavior, bool invert)
    {
        BeginWords();
        SplitWriter writer = new(this, behavior);
        ReadOnlyMemory<int> codes = Text.RawCodes;
        foreach ((int start, int end) in _words)
        {
            PatternCursor cursor = pattern.Open(codes[start..end]);
            int length = end - start;
            int previous = 0;
            int from = 0;
            int lastEnd = -1;
            writer.Begin(start);
            while (from <= length && cursor.Find(from, out int matchStart, out int matchEnd))
            {
                from = matchEnd;
                if (matchEnd == matchStart)
                {
                    from++;
                    if (matchEnd == lastEnd)
                    {
                        continue;
                    }
                }

                if (matchStart > previous)
                {
                    writer.Add(previous, matchStart, invert);
                }

                writer.Add(matchStart, matchEnd, !invert);
                previous = lastEnd = matchEnd;
            }

            if (previous < length)
            {
                writer.Add(previous, length, invert);
            }

            writer.End();
        }

        CommitWords();
    }

    /// <summary>Cuts every word at single characters.</summary>
    public void Split(Func<int, bool> isMatch, SplitBehavior behavior)
    {
        BeginWords();
        SplitWriter writer = new(this, behavior);
        ReadOnlySpan<int> codes = Text.Codes;
        foreach ((int start, int end) in _words)
        {
            writer.Begin(start);
            int previous = start;
            for (int i = start; i < end; i++)
            {
                if (!isMatch(codes[i]))
                {
                    continue;
                }

                if (previous < i)
                {
                    writer.Add(previous - start, i - start, false);
                }

                writer.Add(i - start, i + 1 - start, true);
                previous = i + 1;
            }

            if (previous < end)
            {
                writer.Add(previous - start, end - start, false);
            }

            writer.End();
        }

        CommitWords();
    }

    private static void AddIfAny(List<(int Start, int End)> words, int start, int end)
    {
        if (start < end)
        {
            words.Add((start, end));
        }
    }
}
