using System.Text.Json;

namespace Engine.Grammar;

/// <summary>Where the reader is: references followed, and the unevaluated keywords that look on.</summary>
internal sealed record SchemaContext(IReadOnlyList<string> References, IReadOnlyList<int> Watchers)
{
    public static SchemaContext Start { get; } = new([], []);

    public SchemaContext Alone => Watchers.Count == 0 ? this : this with { Watchers = [] };

    public SchemaContext Inside(string reference) => this with { References = [.. References, reference] };
}

/// <summary>Reads schemas into <see cref="SchemaParts"/>; every keyword is enforced, inert, or refused.</summary>
internal sealed partial class SchemaReader
{
    private const int MaxNesting = 64;

    private readonly SchemaDocument _document;
    private readonly string _field;

    public SchemaReader(SchemaDocument document, string field)
    {
        _document = document;
        _field = field;
    }

    /// <summary>Adds what a schema says, or that it does not hold.</summary>
    public void Add(SchemaParts parts, Term term, SchemaContext context)
    {
        if (term.Schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            parts.Types = term.IsFalse ? JsonTypes.None : parts.Types;
            if (!term.Negated)
            {
                return;
            }
        }
        else if (term.Schema.ValueKind != JsonValueKind.Object)
        {
            throw Error(term, "a schema is an object or a truth value");
        }
        else if (context.References.Count > MaxNesting)
        {
            throw Error(term, "references or allOf are nested too deeply");
        }
        else if (term.Negated)
        {
            AddNot(parts, term, context.Alone);
        }
        else
        {
            AddAll(parts, term, context);
        }
    }

    /// <param name="parts">Takes what the schema says.</param>
    /// <param name="term">The schema.</param>
    /// <param name="context">Where it stands.</param>
    /// <param name="failing">An unevaluated keyword that is not to hold.</param>
    private void AddAll(SchemaParts parts, Term term, SchemaContext context, string failing = "")
    {
        JsonElement schema = term.Schema;
        bool onlyReference = _document.IsDraft7 && schema.TryGetProperty("$ref", out _);
        SchemaContext outer = context;
        bool others = !onlyReference
            && (schema.TryGetProperty("unevaluatedProperties", out _)
                || schema.TryGetProperty("unevaluatedItems", out _));
        if (others)
        {
            context = context with { Watchers = [.. context.Watchers, parts.Evaluated.Count] };
            parts.Evaluated.Add(new Evaluated());
        }

        foreach (JsonProperty item in schema.EnumerateObject())
        {
            if (!onlyReference || item.Name == "$ref")
            {
                AddKeyword(parts, item.Name, item.Value, term, context);
            }
        }

        if (onlyReference)
        {
            return;
        }

        AddObject(parts, term, context);
        AddArray(parts, term, context);
        if (others)
        {
            AddUnevaluated(parts, term, outer, parts.Evaluated[context.Watchers[^1]], failing);
        }
    }

    private static void AddUnevaluated(
        SchemaParts parts, Term term, SchemaContext outer, Evaluated own, string failing)
    {
        if (term.Schema.TryGetProperty("unevaluatedProperties", out JsonElement names))
        {
            own.OtherNames = term.Child(names, "unevaluatedProperties");
            own.NamesFail = failing == "unevaluatedProperties";
            foreach (int watcher in outer.Watchers)
            {
                parts.Evaluated[watcher].AllNames = true;
            }
        }

        if (term.Schema.TryGetProperty("unevaluatedItems", out JsonElement items))
        {
            own.OtherItems = term.Child(items, "unevaluatedItems");
            own.ItemsFail = failing == "unevaluatedItems";
            foreach (int watcher in outer.Watchers)
            {
                parts.Evaluated[watcher].AllItems = true;
            }
        }
    }

    private void AddKeyword(SchemaParts parts, string name, JsonElement value, Term term, SchemaContext context)
    {
        switch (name)
        {
            case "$ref" or "$dynamicRef":
                Add(parts, Target(term, name, value, context, out SchemaContext inside), inside);
                break;
            case "allOf":
                foreach (Term each in List(term, name, value))
                {
                    Add(parts, each, context.Inside("allOf"));
                }

                break;
            case "anyOf":
                AddAnyOf(parts, [.. List(term, name, value)], term, context.Inside("anyOf"));
                break;
            case "oneOf":
                AddOneOf(parts, [.. List(term, name, value)], term, context.Inside("oneOf"));
                break;
            case "not":
                Add(parts, term.Child(value, name).Not(), context.Alone.Inside("not"));
                break;
            case "if":
                AddIf(parts, term, value, context.Inside("if"));
                break;
            case "dependentSchemas" or "dependentRequired" or "dependencies":
                AddDependent(parts, term, name, value, context.Inside(name));
                break;
            case "type":
                parts.Types &= ReadTypes(term, value);
                break;
            case "enum":
                parts.OnlyValues(Values(term, name, value));
                break;
            case "const":
                parts.OnlyValues([value]);
                break;
            default:
                AddLimit(parts, name, value, term, context);
                break;
        }
    }

    private void AddLimit(SchemaParts parts, string name, JsonElement value, Term term, SchemaContext context)
    {
        switch (name)
        {
            case "minimum" or "exclusiveMinimum":
                parts.AtLeast(Number(term, name, value), name[0] == 'e');
                break;
            case "maximum" or "exclusiveMaximum":
                parts.AtMost(Number(term, name, value), name[0] == 'e');
                break;
            case "multipleOf":
                parts.Multiples.Add((Divisor(term, value), false));
                break;
            case "minLength":
                parts.MinLength = Math.Max(parts.MinLength, Count(term, name, value));
                break;
            case "maxLength":
                parts.MaxLength = Math.Min(parts.MaxLength ?? int.MaxValue, Count(term, name, value));
                break;
            case "pattern":
                parts.Patterns.Add((Text(term, name, value), false));
                break;
            case "format":
                if (StringFormats.Constrains(Text(term, name, value)))
                {
                    parts.Formats.Add((Text(term, name, value), false));
                }

                break;
            case "minItems":
                parts.MinItems = Math.Max(parts.MinItems, Count(term, name, value));
                break;
            case "maxItems":
                parts.MaxItems = Math.Min(parts.MaxItems ?? int.MaxValue, Count(term, name, value));
                break;
            case "uniqueItems":
                parts.UniqueItems |= Flag(term, name, value);
                break;
            case "contains":
                AddContains(parts, term, value, context);
                break;
            case "required":
                parts.Required.AddRange(Names(term, name, value));
                break;
            case "propertyNames":
                parts.KeyTerms.Add(term.Child(value, name));
                break;
            case "minProperties":
                parts.MinProperties = Math.Max(parts.MinProperties, Count(term, name, value));
                break;
            case "maxProperties":
                parts.MaxProperties = Math.Min(parts.MaxProperties ?? int.MaxValue, Count(term, name, value));
                break;
            default:
                AddOther(parts, name, value, term);
                break;
        }
    }

    private static void AddOther(SchemaParts parts, string name, JsonElement value, Term term)
    {
        switch (name)
        {
            case "$anchor" or "$dynamicAnchor" or "$comment" or "$schema" or "$defs" or "$vocabulary":
                break;
            case "$id" when term.Path == "#" || value.ValueKind != JsonValueKind.String:
                break;
            default:
                // Keywords that belong to others, or to nobody, say nothing; those with $ may change everything.
                if (name.StartsWith('$'))
                {
                    parts.Unsupported.Add(($"{term.Path}/{name}: keyword {name} is not supported", JsonTypes.All));
                }

                break;
        }
    }

    private void AddObject(SchemaParts parts, Term term, SchemaContext context)
    {
        ObjectPart part = ReadObject(term);
        if (part.Properties.Count > 0 || part.Additional is not null || part.Patterns.Count > 0)
        {
            parts.Objects.Add(part);
        }

        foreach (int watcher in context.Watchers)
        {
            parts.Evaluated[watcher].Names.UnionWith(part.Properties.Keys);
            parts.Evaluated[watcher].Patterns.UnionWith(part.Patterns.Select(item => item.Pattern));
            parts.Evaluated[watcher].AllNames |= part.Additional is not null;
        }
    }

    private void AddArray(SchemaParts parts, Term term, SchemaContext context)
    {
        if (ReadArray(term) is not { } part)
        {
            return;
        }

        parts.Arrays.Add(part);
        foreach (int watcher in context.Watchers)
        {
            parts.Evaluated[watcher].NumItems = Math.Max(parts.Evaluated[watcher].NumItems, part.Prefix.Length);
            parts.Evaluated[watcher].AllItems |= part.Items is not null;
        }
    }

    private ObjectPart ReadObject(Term term)
    {
        var properties = new Dictionary<string, Term>();
        if (term.Schema.TryGetProperty("properties", out JsonElement declared))
        {
            foreach (JsonProperty item in Members(term, "properties", declared))
            {
                properties[item.Name] = term.Child(item.Value, "properties", item.Name);
            }
        }

        var patterns = new List<(string, Term)>();
        if (term.Schema.TryGetProperty("patternProperties", out JsonElement given))
        {
            patterns.AddRange(Members(term, "patternProperties", given)
                .Select(item => (item.Name, term.Child(item.Value, "patternProperties", item.Name))));
        }

        return new ObjectPart(properties, patterns, Optional(term, "additionalProperties"));
    }

    private ArrayPart? ReadArray(Term term)
    {
        bool hasItems = term.Schema.TryGetProperty("items", out JsonElement items);
        if (!_document.IsDraft7 && term.Schema.TryGetProperty("prefixItems", out JsonElement prefix))
        {
            return new ArrayPart([.. List(term, "prefixItems", prefix)], hasItems ? term.Child(items, "items") : null);
        }

        if (hasItems && items.ValueKind == JsonValueKind.Array)
        {
            return new ArrayPart(
                [.. items.EnumerateArray().Select((item, i) => term.Child(item, "items", i))],
                term.Schema.TryGetProperty("additionalItems", out JsonElement rest)
                    ? term.Child(rest, "additionalItems")
                    : null);
        }

        return hasItems ? new ArrayPart([], term.Child(items, "items")) : null;
    }
}
