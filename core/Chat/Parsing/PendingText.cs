namespace Engine.Chat.Parsing;

/// <summary>Text that came in and is not used up yet. Grows at the end, shrinks at the beginning.</summary>
internal sealed class PendingText
{
    private char[] _chars = new char[256];
    private int _start;
    private int _end;
    private int _searched;
    private Markers? _searchedFor;

    public int Length => _end - _start;

    public ReadOnlySpan<char> Span => _chars.AsSpan(_start, Length);

    public char this[int index] => _chars[_start + index];

    public void Append(ReadOnlySpan<char> text)
    {
        if (_end + text.Length > _chars.Length)
        {
            int length = Length;
            char[] chars = length + text.Length > _chars.Length / 2
                ? new char[Math.Max(_chars.Length * 2, length + text.Length)]
                : _chars;
            Span.CopyTo(chars);
            _chars = chars;
            _start = 0;
            _end = length;
        }

        text.CopyTo(_chars.AsSpan(_end));
        _end += text.Length;
    }

    /// <summary>Forgets where the last search ended: the next may begin anywhere.</summary>
    public void RestartSearch() => _searchedFor = null;

    public void Consume(int count)
    {
        _start += count;
        _searched = Math.Max(0, _searched - count);
    }

    /// <summary>Where the first of some markers begins, the longest of those at one place.</summary>
    /// <param name="markers">The markers; a search for the same ones goes on where the last one ended.</param>
    /// <param name="from">Index to begin at.</param>
    /// <param name="isFinal">No more text comes.</param>
    /// <param name="which">Index of the marker found, or -1.</param>
    /// <returns>
    /// Index of the marker; else of the longest tail that may be the beginning of one, or the length.
    /// </returns>
    public int Find(Markers markers, int from, bool isFinal, out int which)
    {
        if (!ReferenceEquals(_searchedFor, markers))
        {
            _searchedFor = markers;
            _searched = 0;
        }

        int at = Math.Max(from, _searched);
        for (; at < Length; at++)
        {
            int step = Span[at..].IndexOfAny(markers.FirstChars);
            if (step < 0)
            {
                at = Length;
                break;
            }

            at += step;
            which = MatchAt(markers, at, isFinal, out bool mayMatch);
            if (mayMatch)
            {
                _searched = at;
                which = -1;
                return at;
            }

            if (which >= 0)
            {
                _searched = at;
                return at;
            }
        }

        _searched = Length;
        which = -1;
        return Length;
    }

    /// <summary>The longest marker at an index, or -1; mayMatch if more text is needed to tell.</summary>
    public int MatchAt(Markers markers, int at, bool isFinal, out bool mayMatch)
    {
        ReadOnlySpan<char> rest = Span[at..];
        int best = -1;
        mayMatch = false;
        for (int i = 0; i < markers.All.Length; i++)
        {
            string marker = markers.All[i];
            if (rest.StartsWith(marker, StringComparison.Ordinal))
            {
                best = best < 0 || marker.Length > markers.All[best].Length ? i : best;
            }
            else if (!isFinal && rest.Length < marker.Length
                && marker.AsSpan().StartsWith(rest, StringComparison.Ordinal))
            {
                mayMatch = true;
            }
        }

        return best;
    }
}
