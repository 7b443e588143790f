namespace Engine.Sampling;

/// <summary>The known name that a misspelt one probably means.</summary>
public static class NearestName
{
    private const int MaxLength = 64;

    /// <summary>The nearest of the known names, or null if none is near.</summary>
    public static string? Find(string name, IEnumerable<string> known)
    {
        string? best = null;
        int bestDistance = Math.Max(2, name.Length / 3) + 1;
        foreach (string candidate in known)
        {
            int distance = Distance(name, candidate, bestDistance);
            if (distance < bestDistance)
            {
                (best, bestDistance) = (candidate, distance);
            }
        }

        return best;
    }

    /// <summary>Edits (insert, delete, replace) between two names, ignoring case, dashes as underscores.</summary>
    private static int Distance(string a, string b, int limit)
    {
        if (a.Length > MaxLength || b.Length > MaxLength || Math.Abs(a.Length - b.Length) >= limit)
        {
            return limit;
        }

        Span<int> row = stackalloc int[MaxLength + 1];
        for (int j = 0; j <= b.Length; j++)
        {
            row[j] = j;
        }

        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = diagonal + (Same(a[i - 1], b[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }

    private static bool Same(char x, char y) =>
        char.ToLowerInvariant(x == '-' ? '_' : x) == char.ToLowerInvariant(y == '-' ? '_' : y);
}
