using System.Text.Json;

namespace Engine.Grammar;

/// <summary>
/// What it means that a schema does not hold: that one of its keywords does not. A keyword that does not hold
/// concerns the types it speaks of only.
/// </summary>
internal sealed partial class SchemaReader
{
    private void AddNot(SchemaParts parts, Term term, SchemaContext context)
    {
        var options = new List<Action<SchemaParts>>();
        bool onlyReference = _document.IsDraft7 && term.Schema.TryGetProperty("$ref", out _);
        foreach (JsonProperty item in term.Schema.EnumerateObject())
        {
            if (!onlyReference || item.Name == "$ref")
            {
                options.AddRange(NotKeyword(item.Name, item.Value, term, context.Inside("not")));
            }
        }

        parts.Choose(term.Path, options);
    }

    private IEnumerable<Action<SchemaParts>> NotKeyword(
        string name, JsonElement value, Term term, SchemaContext context)
    {
        switch (name)
        {
            case "$ref" or "$dynamicRef":
                Term target = Target(term, name, value, context, out SchemaContext inside);
                return [to => Add(to, target.Not(), inside)];
            case "allOf":
                return List(term, name, value).Select(each => Holds(context)(each.Not())).ToArray();
            case "anyOf":
                Term[] all = [.. List(term, name, value)];
                return [to => AddEach(to, all, -1, -1, context)];
            case "oneOf":
                return NotOneOf([.. List(term, name, value)], context);
            case "not":
                return [to => Add(to, term.Child(value, name), context)];
            case "if":
                return NotIf(term, term.Child(value, name), context);
            case "dependentSchemas" or "dependentRequired" or "dependencies":
                return NotDependent(term, name, value, context);
            case "type":
                return [to => to.Types &= ~ReadTypes(term, value)];
            case "enum":
                return NotValues(Values(term, name, value));
            case "const":
                return NotValues([value]);
            default:
                return NotLimit(name, value, term).Concat(NotStructure(name, value, term)).ToArray();
        }
    }

    private IEnumerable<Action<SchemaParts>> NotOneOf(Term[] options, SchemaContext context)
    {
        yield return to => AddEach(to, options, -1, -1, context);
        for (int i = 0; i < options.Length; i++)
        {
            for (int j = i + 1; j < options.Length; j++)
            {
                Term[] both = [options[i], options[j]];
                yield return to => AddEach(to, both, 0, 1, context);
            }
        }
    }

    /// <summary>Adds schemas, those at two places as they are and all others negated.</summary>
    private void AddEach(SchemaParts parts, Term[] terms, int first, int second, SchemaContext context)
    {
        for (int i = 0; i < terms.Length; i++)
        {
            Add(parts, i == first || i == second ? terms[i] : terms[i].Not(), context);
        }
    }

    private IEnumerable<Action<SchemaParts>> NotIf(Term term, Term condition, SchemaContext context)
    {
        if (Optional(term, "then") is { } then)
        {
            yield return to => AddBoth(to, condition, then.Not(), context);
        }

        if (Optional(term, "else") is { } otherwise)
        {
            yield return to => AddBoth(to, condition.Not(), otherwise.Not(), context);
        }
    }

    private IEnumerable<Action<SchemaParts>> NotDependent(
        Term term, string name, JsonElement value, SchemaContext context)
    {
        foreach (JsonProperty item in Members(term, name, value))
        {
            Action<SchemaParts> present = to =>
            {
                to.Types &= JsonTypes.Object;
                to.Required.Add(item.Name);
            };
            if (item.Value.ValueKind == JsonValueKind.Array && name != "dependentSchemas")
            {
                foreach (string missing in Names(term, name, item.Value))
                {
                    yield return present + (to => to.Objects.Add(ObjectPart.Of(missing, Term.False)));
                }
            }
            else
            {
                yield return present + (to => Add(to, term.Child(item.Value, name, item.Name).Not(), context));
            }
        }
    }

    /// <summary>Not one of some values; a list or an object is written out as a schema of its own.</summary>
    private Action<SchemaParts>[] NotValues(IEnumerable<JsonElement> values) =>
    [
        to =>
        {
            foreach (JsonElement value in values)
            {
                if (value.ValueKind is JsonValueKind.Array or JsonValueKind.Object)
                {
                    Add(to, Term.Parse(SchemaValues.AsSchema(value)).Not(), SchemaContext.Start);
                }
                else
                {
                    to.NotValues.Add(value);
                }
            }
        },
    ];

    private Action<SchemaParts>[] NotLimit(string name, JsonElement value, Term term)
    {
        switch (name)
        {
            case "minimum" or "exclusiveMinimum":
                decimal low = Number(term, name, value);
                return [Of(JsonTypes.Number, to => to.AtMost(low, name == "minimum"))];
            case "maximum" or "exclusiveMaximum":
                decimal high = Number(term, name, value);
                return [Of(JsonTypes.Number, to => to.AtLeast(high, name == "maximum"))];
            case "multipleOf":
                decimal divisor = Divisor(term, value);
                return [Of(JsonTypes.Number, to => to.Multiples.Add((divisor, true)))];
            case "minLength":
                return Fewer(JsonTypes.String, Count(term, name, value),
                    (to, most) => to.MaxLength = Math.Min(to.MaxLength ?? most, most));
            case "maxLength":
                int longest = Count(term, name, value);
                return [Of(JsonTypes.String, to => to.MinLength = Math.Max(to.MinLength, longest + 1))];
            case "pattern":
                string pattern = Text(term, name, value);
                return [Of(JsonTypes.String, to => to.Patterns.Add((pattern, true)))];
            case "format":
                string format = Text(term, name, value);
                return StringFormats.Constrains(format)
                    ? [Of(JsonTypes.String, to => to.Formats.Add((format, true)))]
                    : [];
            case "minItems":
                return Fewer(JsonTypes.Array, Count(term, name, value),
                    (to, most) => to.MaxItems = Math.Min(to.MaxItems ?? most, most));
            case "maxItems":
                int items = Count(term, name, value);
                return [Of(JsonTypes.Array, to => to.MinItems = Math.Max(to.MinItems, items + 1))];
            case "minProperties":
                return Fewer(JsonTypes.Object, Count(term, name, value),
                    (to, most) => to.MaxProperties = Math.Min(to.MaxProperties ?? most, most));
            case "maxProperties":
                int members = Count(term, name, value);
                return [Of(JsonTypes.Object, to => to.MinProperties = Math.Max(to.MinProperties, members + 1))];
            default:
                return [];
        }
    }

    private IEnumerable<Action<SchemaParts>> NotStructure(string name, JsonElement value, Term term)
    {
        switch (name)
        {
            case "required":
                return Names(term, name, value).Select(missing =>
                    Of(JsonTypes.Object, to => to.Objects.Add(ObjectPart.Of(missing, Term.False))));
            case "properties":
                return ReadObject(term).Properties.Select(item => Of(JsonTypes.Object, to =>
                {
                    to.Required.Add(item.Key);
                    to.Objects.Add(ObjectPart.Of(item.Key, item.Value.Not()));
                }));
            case "patternProperties":
                return ReadObject(term).Patterns.Select(item => Of(JsonTypes.Object, to => to.Exists.Add(
                    new ObjectExists([], [], item.Pattern, null, item.Schema.Not()))));
            case "additionalProperties":
                ObjectPart part = ReadObject(term);
                return [Of(JsonTypes.Object, to => to.Exists.Add(new ObjectExists(
                    [.. part.Properties.Keys], [.. part.Patterns.Select(item => item.Pattern)], null, null,
                    part.Additional!.Not())))];
            case "propertyNames":
                return [Of(JsonTypes.Object, to => to.Exists.Add(
                    new ObjectExists([], [], null, term.Child(value, name).Not(), null)))];
            case "items" or "prefixItems":
                return NotItems(name, term);
            case "contains":
                return NotContains(term, term.Child(value, name));
            case "unevaluatedProperties" or "unevaluatedItems":
                return value.ValueKind == JsonValueKind.True
                    ? []
                    : [to => AddAll(to, term, SchemaContext.Start.Inside("not"), name)];
            case "uniqueItems" when Flag(term, name, value):
                return [to => to.Unsupported.Add((
                    $"{term.Path}/{name}: keyword {name} is not supported inside of not, oneOf or if", JsonTypes.All))];
            default:
                var unknown = new SchemaParts();
                AddOther(unknown, name, value, term);
                return unknown.Unsupported.Select(item => new Action<SchemaParts>(to => to.Unsupported.Add(item)));
        }
    }

    private IEnumerable<Action<SchemaParts>> NotItems(string name, Term term)
    {
        if (ReadArray(term) is not { } part)
        {
            yield break;
        }

        bool isPrefix = name == "prefixItems" || term.Schema.GetProperty(name).ValueKind == JsonValueKind.Array;
        for (int i = 0; i < part.Prefix.Length && isPrefix; i++)
        {
            int at = i;
            yield return Of(JsonTypes.Array, to =>
            {
                to.MinItems = Math.Max(to.MinItems, at + 1);
                to.Arrays.Add(new ArrayPart(
                    [.. Enumerable.Repeat(Term.False.Not(), at), part.Prefix[at].Not()], null));
            });
        }

        bool hasRest = part.Items is not null && (name == "items" || !term.Schema.TryGetProperty("items", out _));
        if (hasRest)
        {
            yield return Of(JsonTypes.Array, to => to.Counts.Add(
                new ArrayCount(part.Items!.Not(), part.Prefix.Length, 1, null)));
        }
    }

    private IEnumerable<Action<SchemaParts>> NotContains(Term term, Term item)
    {
        (int min, int? max) = ContainsCounts(term);
        if (min > 0)
        {
            yield return Of(JsonTypes.Array, to => to.Counts.Add(new ArrayCount(item, 0, 0, min - 1)));
        }

        if (max is int most)
        {
            yield return Of(JsonTypes.Array, to => to.Counts.Add(new ArrayCount(item, 0, most + 1, null)));
        }
    }

    private static Action<SchemaParts> Of(JsonTypes types, Action<SchemaParts> limit) => to =>
    {
        to.Types &= types;
        limit(to);
    };

    private static Action<SchemaParts>[] Fewer(JsonTypes types, int than, Action<SchemaParts, int> limit) =>
        than == 0 ? [] : [Of(types, to => limit(to, than - 1))];
}
