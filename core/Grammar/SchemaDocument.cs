using System.Text.Json;

namespace Engine.Grammar;

/// <summary>The whole schema: what references in it point to.</summary>
internal sealed class SchemaDocument
{
    private readonly JsonElement _root;
    private readonly string _field;
    private readonly HashSet<string> _twice = [];
    private Dictionary<string, JsonElement>? _anchors;

    public SchemaDocument(JsonElement root, string field)
    {
        _root = root;
        _field = field;
        string? dialect = root.ValueKind == JsonValueKind.Object
            && root.TryGetProperty("$schema", out JsonElement value) && value.ValueKind == JsonValueKind.String
                ? value.GetString()
                : null;
        IsDraft7 = dialect?.Contains("draft-0", StringComparison.Ordinal) ?? false;
    }

    /// <summary>An older draft: siblings of $ref do nothing, contains has no counts.</summary>
    public bool IsDraft7 { get; }

    /// <summary>The schema that a reference points to.</summary>
    public Term Resolve(string reference, Term from)
    {
        JsonElement at = _root;
        if (reference.Length == 0 || reference[0] != '#')
        {
            string? id = _root.TryGetProperty("$id", out JsonElement own) && own.ValueKind == JsonValueKind.String
                ? own.GetString()!.TrimEnd('#')
                : null;
            if (string.IsNullOrEmpty(id) || !reference.StartsWith(id, StringComparison.Ordinal)
                || (reference.Length > id.Length && reference[id.Length] != '#'))
            {
                throw Error($"{from.Path}/$ref: {reference} is not within the schema");
            }

            reference = reference.Length > id.Length ? reference[id.Length..] : "#";
        }

        if (reference.Length > 1 && reference[1] != '/')
        {
            return Anchors().TryGetValue(reference[1..], out JsonElement anchored)
                ? new Term(anchored, false, reference)
                : throw Error($"{from.Path}/$ref: {reference} points to nothing");
        }

        foreach (string part in Uri.UnescapeDataString(reference[1..]).Split('/').Skip(1))
        {
            string key = part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            bool found = at.ValueKind switch
            {
                JsonValueKind.Object => at.TryGetProperty(key, out at),
                JsonValueKind.Array when int.TryParse(key, out int i) && i >= 0 && i < at.GetArrayLength() =>
                    (at = at[i]).ValueKind != JsonValueKind.Undefined,
                _ => false,
            };
            if (!found)
            {
                throw Error($"{from.Path}/$ref: {reference} points to nothing");
            }
        }

        return new Term(at, false, reference);
    }

    /// <summary>Whether a name is given to one schema only, so that a dynamic reference is a plain one.</summary>
    public bool IsPlainAnchor(string name) => Anchors().ContainsKey(name) && !_twice.Contains(name);

    private Dictionary<string, JsonElement> Anchors()
    {
        if (_anchors is null)
        {
            _anchors = [];
            Collect(_root);
        }

        return _anchors;
    }

    private void Collect(JsonElement at)
    {
        if (at.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in at.EnumerateArray())
            {
                Collect(item);
            }
        }
        else if (at.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty item in at.EnumerateObject())
            {
                bool isAnchor = item.Name is "$anchor" or "$dynamicAnchor";
                string? name = isAnchor && item.Value.ValueKind == JsonValueKind.String
                    ? item.Value.GetString()
                    : null;
                if (name is not null && !_anchors!.TryAdd(name, at))
                {
                    _twice.Add(name);
                }

                if (item.Name is not ("enum" or "const"))
                {
                    Collect(item.Value);
                }
            }
        }
    }

    private EngineException Error(string message) => EngineException.Invalid(_field, message);
}
