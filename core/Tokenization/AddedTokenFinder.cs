using Engine.Tokenization.Text;

namespace Engine.Tokenization;

/// <summary>
/// Cuts a text at its added tokens: at each position the longest one, from the left, as an
/// Aho-Corasick automaton in leftmost-longest mode does.
/// </summary>
internal sealed class AddedTokenFinder
{
    /// <summary>Bounds the work per position; no real token comes near.</summary>
    public const int MaxTokenLength = 1024;

    private readonly StringTrie _trie = new();
    private readonly List<AddedToken> _tokens = [];
    private readonly ulong[] _first = new ulong[0x10000 / 64];

    public bool IsEmpty => _tokens.Count == 0;

    /// <param name="spelling">The content, normalized where the flag asks for it.</param>
    /// <param name="token">The first token of a spelling wins.</param>
    public void Add(ReadOnlySpan<int> spelling, AddedToken token)
    {
        if (spelling.Length is 0 or > MaxTokenLength)
        {
            return;
        }

        if (_trie.Add(spelling, _tokens.Count))
        {
            _tokens.Add(token);
            int c = spelling[0] & 0xFFFF;
            _first[c >> 6] |= 1UL << (c & 63);
        }
    }

    /// <summary>
    /// Appends the parts of a text; Token is null for what lies between tokens. With plainSpecial,
    /// special tokens are found but left as text.
    /// </summary>
    /// <param name="text">Code points.</param>
    /// <param name="plainSpecial">Special tokens are text.</param>
    /// <param name="parts">Takes the parts.</param>
    /// <param name="cuts">Ascending indexes that no special token may reach over.</param>
    public void Split(
        ReadOnlySpan<int> text,
        bool plainSpecial,
        List<(AddedToken? Token, int Start, int End)> parts,
        ReadOnlySpan<int> cuts)
    {
        int partStart = 0;
        int blankEnd = 0;
        for (int at = 0; at < text.Length;)
        {
            if (!Match(text, at, out AddedToken? token, out int end))
            {
                at++;
                continue;
            }

            int start = at;
            at = end;
            if ((token!.Special && (plainSpecial || HasCut(cuts, start, end)))
                || (token.SingleWord && InWord(text, start, end)))
            {
                continue;
            }

            if (token.LStrip)
            {
                while (start > partStart && UnicodeClasses.IsWhiteSpace(text[start - 1]))
                {
                    start--;
                }

                start = Math.Max(start, partStart);
                end = Math.Max(start, end);
            }

            if (token.RStrip)
            {
                // A run of blanks is walked once, however many tokens lie in it.
                blankEnd = Math.Max(blankEnd, end);
                while (blankEnd < text.Length && UnicodeClasses.IsWhiteSpace(text[blankEnd]))
                {
                    blankEnd++;
                }

                end = blankEnd;
            }

            if (partStart < start)
            {
                parts.Add((null, partStart, start));
            }

            parts.Add((token, start, end));
            partStart = end;
        }

        if (partStart < text.Length)
        {
            parts.Add((null, partStart, text.Length));
        }
    }

    /// <summary>True if a cut lies between two indexes, not at one of them.</summary>
    public static bool HasCut(ReadOnlySpan<int> cuts, int start, int end)
    {
        int next = cuts.BinarySearch(start + 1);
        next = next < 0 ? ~next : next;
        return next < cuts.Length && cuts[next] < end;
    }

    private bool Match(ReadOnlySpan<int> text, int at, out AddedToken? token, out int end)
    {
        token = null;
        end = at;
        int c = text[at] & 0xFFFF;
        if ((_first[c >> 6] & (1UL << (c & 63))) == 0)
        {
            return false;
        }

        int node = 0;
        for (int i = at; i < text.Length; i++)
        {
            node = _trie.Next(node, text[i]);
            if (node < 0)
            {
                break;
            }

            int value = _trie.Value(node);
            if (value >= 0)
            {
                token = _tokens[value];
                end = i + 1;
            }
        }

        return token is not null;
    }

    private static bool InWord(ReadOnlySpan<int> text, int start, int end) =>
        (start > 0 && UnicodeClasses.IsWord(text[start - 1]))
        || (end < text.Length && UnicodeClasses.IsWord(text[end]));
}
