using System.Text.Json;

namespace Engine.Grammar;

/// <summary>What a conjunction of schemas says of objects, as a node.</summary>
internal sealed class SchemaObjects
{
    private static readonly JsonElement OnlyStrings = JsonDocument.Parse("{\"type\":\"string\"}").RootElement;

    private readonly SchemaCompiler _compiler;
    private readonly SchemaParts _parts;
    private readonly string[] _names;
    private readonly Dictionary<string, Network> _patterns = [];

    public SchemaObjects(SchemaCompiler compiler, SchemaParts parts)
    {
        _compiler = compiler;
        _parts = parts;
        _names = [.. parts.Objects.SelectMany(part => part.Properties.Keys).Concat(parts.Required).Distinct()];
        foreach (ObjectPart part in parts.Objects)
        {
            if (part.PatternKey is { } key && !_patterns.ContainsKey(key))
            {
                _patterns.Add(key, compiler.Judge(compiler.Pattern(key)));
            }
        }
    }

    public Node Build()
    {
        Network? names = KeyNetwork(out bool noKeys);
        HashSet<string> required = [.. _parts.Required];
        var members = new List<(Node, bool)>();
        foreach (string name in _names)
        {
            bool allowed = !noKeys && (names is null || Fits(names, name));
            Node value = allowed ? _compiler.SchemaOf(SchemasOf(name)) : Node.Never;
            members.Add((_compiler.Member(JsonNodes.String(name), value), required.Contains(name)));
        }

        return _compiler.Members([.. members], noKeys ? null : Other(names));
    }

    /// <summary>Every schema that the value of a named key has to satisfy.</summary>
    private IEnumerable<JsonElement> SchemasOf(string name)
    {
        foreach (ObjectPart part in _parts.Objects)
        {
            bool known = part.Properties.TryGetValue(name, out JsonElement schema);
            if (known)
            {
                yield return schema;
            }

            if (part.PatternKey is { } key && Fits(_patterns[key], name))
            {
                known = true;
                yield return part.Pattern!.Value;
            }

            if (!known && part.Additional is JsonElement additional)
            {
                yield return additional;
            }
        }
    }

    /// <summary>A member whose key is not named; null if there is none.</summary>
    private Node? Other(Network? names)
    {
        ObjectPart[] withPattern = [.. _parts.Objects.Where(part => part.PatternKey is not null)];
        IEnumerable<ObjectPart> others = _parts.Objects.Except(withPattern);
        if (others.Any(part => part.Additional?.ValueKind == JsonValueKind.False))
        {
            return null;
        }

        IEnumerable<JsonElement> schemas = others
            .Where(part => part.Additional is not null)
            .Select(part => part.Additional!.Value);
        if (withPattern.Length == 0)
        {
            return _compiler.Member(AnyKey(names), _compiler.SchemaOf(schemas));
        }

        ObjectPart pattern = withPattern[0];
        string key = pattern.PatternKey!;
        if (withPattern.Length > 1
            || pattern.Additional?.ValueKind != JsonValueKind.False
            || names is not null
            || _names.Any(name => Fits(_patterns[key], name)))
        {
            throw _compiler.Error(
                "keyword patternProperties is supported only with additionalProperties false, "
                + "without propertyNames, and where no declared key matches it");
        }

        return _compiler.Member(
            _compiler.Pattern(key), _compiler.SchemaOf(schemas.Append(pattern.Pattern!.Value)));
    }

    private Node AnyKey(Network? names)
    {
        if (names is null)
        {
            return _names.Length == 0 ? JsonNodes.AnyString : JsonNodes.KeyOtherThan(_names);
        }

        return _names.Length == 0
            ? _compiler.SchemaOf(_parts.KeySchemas.Append(OnlyStrings))
            : throw _compiler.Error(
                "keyword propertyNames is supported only without declared keys, or with additionalProperties false");
    }

    /// <summary>What propertyNames allows; null is everything.</summary>
    private Network? KeyNetwork(out bool noKeys)
    {
        noKeys = _parts.KeySchemas.Exists(schema => schema.ValueKind == JsonValueKind.False);
        return noKeys || _parts.KeySchemas.TrueForAll(schema => schema.ValueKind == JsonValueKind.True)
            ? null
            : _compiler.JudgeStrings(_parts.KeySchemas.Append(OnlyStrings));
    }

    private static bool Fits(Network network, string name)
    {
        Network one = new NetworkBuilder("name", GrammarLimits.Default).Build(JsonNodes.String(name));
        PositionSet? text = one.Start;
        PositionSet? at = network.Start;
        while (at is not null && !text!.MayEnd)
        {
            for (int value = 0; value < 256; value++)
            {
                if (one.Step(text, (byte)value) is { } next)
                {
                    (text, at) = (next, network.Step(at, (byte)value));
                    break;
                }
            }
        }

        return at is { MayEnd: true };
    }
}
