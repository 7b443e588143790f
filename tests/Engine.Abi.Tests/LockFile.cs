using System.Text.Json;

namespace Engine.Abi.Tests;

/// <summary>Compares an interface with the one that was promised: things may be appended, never changed.</summary>
internal static class LockFile
{
    public static IReadOnlyList<string> Differences(JsonElement locked, JsonElement now)
    {
        var found = new List<string>();
        foreach (string kind in (string[])["enums", "handles", "structs", "functions"])
        {
            Dictionary<string, JsonElement> current = ByName(now, kind);
            foreach ((string name, JsonElement old) in ByName(locked, kind))
            {
                bool isStable = !old.TryGetProperty("lifecycle", out JsonElement l) || l.GetString() == "stable";
                if (!isStable)
                {
                    continue;
                }

                if (!current.TryGetValue(name, out JsonElement same))
                {
                    found.Add($"{name} is gone");
                    continue;
                }

                Compare(name, old, same, found);
            }
        }

        return found;
    }

    private static void Compare(string name, JsonElement old, JsonElement now, List<string> found)
    {
        if (old.TryGetProperty("returns", out JsonElement returns)
            && returns.GetString() != now.GetProperty("returns").GetString())
        {
            found.Add($"{name} returns something else");
        }

        foreach (string list in (string[])["values", "fields", "params"])
        {
            if (!old.TryGetProperty(list, out JsonElement before))
            {
                continue;
            }

            JsonElement[] after = now.GetProperty(list).EnumerateArray().ToArray();
            int index = 0;
            foreach (JsonElement item in before.EnumerateArray())
            {
                string what = $"{name}.{item.GetProperty("name").GetString()}";
                if (index >= after.Length || Signature(item) != Signature(after[index]))
                {
                    found.Add($"{what} has changed or moved");
                }

                index++;
            }

            if (list == "params" && after.Length != index)
            {
                found.Add($"{name} takes more than it did");
            }
        }
    }

    private static string Signature(JsonElement item) => string.Join('|', item.EnumerateObject()
        .Where(property => property.Name != "doc").Select(property => property.Value.ToString()));

    private static Dictionary<string, JsonElement> ByName(JsonElement root, string kind) =>
        root.GetProperty(kind).EnumerateArray().ToDictionary(item => item.GetProperty("name").GetString()!);
}
