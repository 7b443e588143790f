using Engine.Tokenization.Text;

namespace Engine.Tokenization.Patterns;

/// <summary>Scripts as sets.</summary>
internal static class UnicodeScripts
{
    /// <summary>The set of a script by its name or code without signs, or null.</summary>
    public static CharSet? Find(string name) =>
        UnicodeTables.Scripts.TryGetValue(name, out int[]? bounds)
            ? CharSet.FromBounds(bounds) : null;
}
