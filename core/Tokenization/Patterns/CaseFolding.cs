using Engine.Tokenization.Text;

namespace Engine.Tokenization.Patterns;

/// <summary>Groups of code points that are equal when case is ignored (simple folding).</summary>
internal static class CaseFolding
{
    // No letter with case lies above Adlam.
    private const int CasedLimit = 0x1E944;

    private static readonly Lazy<List<int[]>> Groups = new(MakeGroups);

    /// <summary>Everything equal to a member of the set but for case.</summary>
    public static List<int> Equivalents(CharSet set)
    {
        List<int> result = [];
        foreach (int[] group in Groups.Value)
        {
            if (Array.Exists(group, set.Contains))
            {
                result.AddRange(group);
            }
        }

        return result;
    }

    private static List<int[]> MakeGroups()
    {
        Dictionary<int, List<int>> byFold = [];
        for (int c = 'A'; c < CasedLimit; c++)
        {
            int fold = UnicodeClasses.ToLower(UnicodeClasses.ToUpper(c));
            if (fold == c)
            {
                continue;
            }

            if (!byFold.TryGetValue(fold, out List<int>? group))
            {
                byFold.Add(fold, group = [fold]);
            }

            group.Add(c);
        }

        List<int[]> groups = [];
        foreach (List<int> group in byFold.Values)
        {
            groups.Add([.. group]);
        }

        return groups;
    }
}
