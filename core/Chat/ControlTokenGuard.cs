using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Engine.Chat;

/// <summary>
/// Keeps the texts of a conversation from spelling control tokens. Into each spelling, and into the
/// beginning of one at a text's end, goes a mark that no text holds; the template carries it to the
/// prompt, where it is taken out again and leaves its position: no token may reach over that.
/// </summary>
internal sealed class ControlTokenGuard
{
    private readonly ControlTokens _tokens;
    private readonly string _mark;
    private readonly string _escapedMark;

    private ControlTokenGuard(ControlTokens tokens, char mark)
    {
        _tokens = tokens;
        _mark = mark.ToString();
        _escapedMark = $"\\u{(int)mark:x4}";
    }

    /// <summary>A guard for some inputs, or null where there is nothing to guard against.</summary>
    /// <param name="tokens">What must not be spelled.</param>
    /// <param name="inputs">Everything a user may have written.</param>
    public static ControlTokenGuard? Create(ControlTokens? tokens, params ReadOnlySpan<JsonElement> inputs)
    {
        if (tokens is null || tokens.All.Count == 0)
        {
            return null;
        }

        var all = new StringBuilder();
        foreach (JsonElement input in inputs)
        {
            all.Append(input.ValueKind == JsonValueKind.Undefined ? "" : input.GetRawText());
        }

        string text = all.ToString();

        // Noncharacters, which no text has.
        for (int c = 0xFDD0; c <= 0xFDEF; c++)
        {
            if (IsFree(text, (char)c))
            {
                return new ControlTokenGuard(tokens, (char)c);
            }
        }

        throw Tokenization.Templating.TemplateException.Value("the texts use every noncharacter from U+FDD0 to U+FDEF");
    }

    /// <summary>The text with marks in it.</summary>
    public string Guard(string text) => Guard(text, isAssistant: false);

    /// <summary>The text of an answer, where tags of thoughts are let be.</summary>
    public string GuardAnswer(string text) => Guard(text, isAssistant: true);

    /// <summary>Takes the marks out and gives their positions, in UTF-16.</summary>
    public (string Text, List<int> Cuts) Strip(string prompt)
    {
        List<int> cuts = [];
        if (!prompt.Contains(_mark, StringComparison.Ordinal)
            && !prompt.Contains(_escapedMark, StringComparison.OrdinalIgnoreCase))
        {
            return (prompt, cuts);
        }

        var text = new StringBuilder(prompt.Length);
        for (int at = 0; at < prompt.Length;)
        {
            int length = prompt[at] == _mark[0] ? 1
                : prompt[at] == '\\'
                    && prompt.AsSpan(at).StartsWith(_escapedMark, StringComparison.OrdinalIgnoreCase)
                    ? _escapedMark.Length
                : 0;
            if (length > 0)
            {
                cuts.Add(text.Length);
                at += length;
            }
            else
            {
                text.Append(prompt[at++]);
            }
        }

        return (text.ToString(), cuts);
    }

    private static bool IsFree(string text, char c) =>
        !text.Contains(c, StringComparison.Ordinal)
        && !text.Contains($"\\u{(int)c:x4}", StringComparison.OrdinalIgnoreCase);

    private string Guard(string text, bool isAssistant)
    {
        SortedSet<int> marks = [];
        SearchValues<string> search = isAssistant ? _tokens.SearchInAnswers : _tokens.Search;
        for (int at = 0; at < text.Length; at++)
        {
            int step = text.AsSpan(at).IndexOfAny(search);
            if (step < 0)
            {
                break;
            }

            at += step;
            marks.Add(at + (char.IsHighSurrogate(text[at]) ? 2 : 1));
        }

        // What follows in the prompt could complete one; a template may cut the blanks before that.
        ReadOnlySpan<char> trimmed = text.AsSpan().TrimEnd();
        foreach (string token in isAssistant ? _tokens.InAnswers : _tokens.All)
        {
            AddTail(text, token, marks);
            AddTail(trimmed, token, marks);
        }

        if (marks.Count == 0)
        {
            return text;
        }

        var guarded = new StringBuilder(text.Length + marks.Count);
        int from = 0;
        foreach (int mark in marks)
        {
            guarded.Append(text, from, mark - from).Append(_mark);
            from = mark;
        }

        return guarded.Append(text, from, text.Length - from).ToString();
    }

    private static void AddTail(ReadOnlySpan<char> text, string token, SortedSet<int> marks)
    {
        for (int length = Math.Min(token.Length - 1, text.Length); length > 0; length--)
        {
            if (text.EndsWith(token.AsSpan(0, length), StringComparison.Ordinal))
            {
                int start = text.Length - length;
                marks.Add(Math.Min(text.Length, start + (char.IsHighSurrogate(text[start]) ? 2 : 1)));
            }
        }
    }
}
