namespace Engine.Tokenization.Patterns;

/// <summary>Conditions on a position that take no character.</summary>
internal static class Assertions
{
    public static bool Hold(AssertionKind kind, ReadOnlySpan<int> text, int pos) => kind switch
    {
        AssertionKind.TextStart => pos == 0,
        AssertionKind.TextEnd => pos == text.Length,
        AssertionKind.TextEndOrLastNewLine =>
            pos == text.Length || (pos == text.Length - 1 && text[pos] == '\n'),
        AssertionKind.LineStart => pos == 0 || text[pos - 1] == '\n',
        AssertionKind.LineEnd => pos == text.Length || text[pos] == '\n',
        AssertionKind.WordBoundary => IsBoundary(text, pos),
        _ => !IsBoundary(text, pos),
    };

    private static bool IsBoundary(ReadOnlySpan<int> text, int pos)
    {
        bool before = pos > 0 && CharSet.Word.Contains(text[pos - 1]);
        bool after = pos < text.Length && CharSet.Word.Contains(text[pos]);
        return before != after;
    }
}
