namespace Engine.Tokenization.Text;

/// <summary>The forms of Unicode normalization (UAX 15), keeping track of what came from where.</summary>
internal static class UnicodeNormalization
{
    private const int HangulBase = 0xAC00;
    private const int HangulCount = 11172;
    private const int LeadBase = 0x1100;
    private const int LeadCount = 19;
    private const int VowelBase = 0x1161;
    private const int VowelCount = 21;
    private const int TailBase = 0x11A7;
    private const int TailCount = 28;

    public static void Apply(NormalizedText text, bool compatible, bool compose)
    {
        if (IsPlain(text.Codes))
        {
            return;
        }

        List<(int Code, int Change)> items = Decompose(text.Codes, compatible);
        if (compose)
        {
            items = Compose(items);
        }

        text.Transform(items);
    }

    /// <summary>The canonical combining class.</summary>
    public static int CombiningClass(int c) =>
        c < 0x300 ? 0 : UnicodeTables.CombiningClasses.GetValueOrDefault(c);

    // Below U+00A0 nothing decomposes, combines or composes.
    private static bool IsPlain(ReadOnlySpan<int> codes) =>
        !codes.ContainsAnyExceptInRange(0, 0x9F);

    private static List<(int Code, int Change)> Decompose(ReadOnlySpan<int> codes, bool compatible)
    {
        List<(int Code, int Change)> items = new(codes.Length + 16);
        int sorted = 0;
        foreach (int c in codes)
        {
            int from = items.Count;
            AppendDecomposed(items, c, compatible);
            for (int i = from; i < items.Count; i++)
            {
                if (CombiningClass(items[i].Code) == 0)
                {
                    Reorder(items, sorted, i);
                    sorted = i + 1;
                }
            }
        }

        Reorder(items, sorted, items.Count);
        return items;
    }

    private static void AppendDecomposed(List<(int Code, int Change)> items, int c, bool compatible)
    {
        int syllable = c - HangulBase;
        if ((uint)syllable < HangulCount)
        {
            int tail = syllable % TailCount;
            items.Add((LeadBase + (syllable / (VowelCount * TailCount)), 0));
            items.Add((VowelBase + (syllable / TailCount % VowelCount), 1));
            if (tail > 0)
            {
                items.Add((TailBase + tail, 1));
            }

            return;
        }

        if (c < 0xA0 || !((compatible && UnicodeTables.Compatible.TryGetValue(c, out int[]? parts))
            || UnicodeTables.Canonical.TryGetValue(c, out parts)))
        {
            items.Add((c, 0));
            return;
        }

        for (int i = 0; i < parts.Length; i++)
        {
            items.Add((parts[i], i == 0 ? 0 : 1));
        }
    }

    // Stable by combining class. Runs are short but for hostile text, which must not be quadratic.
    private static void Reorder(List<(int Code, int Change)> items, int start, int end)
    {
        bool ordered = true;
        for (int i = start + 1; i < end && ordered; i++)
        {
            ordered = CombiningClass(items[i - 1].Code) <= CombiningClass(items[i].Code);
        }

        if (ordered)
        {
            return;
        }

        List<(int Code, int Change)>[] byClass = new List<(int Code, int Change)>[256];
        for (int i = start; i < end; i++)
        {
            (byClass[CombiningClass(items[i].Code)] ??= []).Add(items[i]);
        }

        int at = start;
        foreach (List<(int Code, int Change)>? group in byClass)
        {
            foreach ((int Code, int Change) item in group ?? [])
            {
                items[at++] = item;
            }
        }
    }

    private static List<(int Code, int Change)> Compose(List<(int Code, int Change)> items)
    {
        List<(int Code, int Change)> result = new(items.Count);
        int starter = -1;
        int lastClass = -1;
        foreach ((int Code, int Change) item in items)
        {
            int combining = CombiningClass(item.Code);
            if (starter >= 0 && lastClass < combining | lastClass < 0)
            {
                (int Code, int Change) first = result[starter];
                int composed = Pair(first.Code, item.Code);
                if (composed >= 0)
                {
                    result[starter] = (composed, first.Change + item.Change - 1);
                    continue;
                }
            }

            if (combining == 0)
            {
                starter = result.Count;
                lastClass = -1;
            }
            else
            {
                lastClass = combining;
            }

            result.Add(item);
        }

        return result;
    }

    private static int Pair(int first, int second)
    {
        int lead = first - LeadBase;
        int vowel = second - VowelBase;
        if ((uint)lead < LeadCount && (uint)vowel < VowelCount)
        {
            return HangulBase + (((lead * VowelCount) + vowel) * TailCount);
        }

        int syllable = first - HangulBase;
        int tail = second - TailBase;
        if ((uint)syllable < HangulCount && syllable % TailCount == 0
            && tail > 0 && tail < TailCount)
        {
            return first + tail;
        }

        long key = ((long)first << 32) | (uint)second;
        return UnicodeTables.Compositions.GetValueOrDefault(key, -1);
    }
}
