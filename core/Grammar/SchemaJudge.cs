using System.Text.Json;

namespace Engine.Grammar;

/// <summary>Whether a value satisfies a schema: for the values of enum and const.</summary>
internal sealed class SchemaJudge
{
    private const int MaxDepth = 200;

    private readonly SchemaCompiler _compiler;
    private readonly SchemaReader _reader;

    public SchemaJudge(SchemaCompiler compiler, SchemaReader reader)
    {
        _compiler = compiler;
        _reader = reader;
    }

    public bool Holds(Term term, JsonElement value) => Holds(term, value, 0);

    private bool Holds(Term term, JsonElement value, int depth)
    {
        if (depth > MaxDepth)
        {
            throw _compiler.Error($"{term.Path}: is nested too deeply");
        }

        var parts = new SchemaParts();
        _reader.Add(parts, term, SchemaContext.Start);
        return Holds(parts, value, depth);
    }

    /// <summary>The same of a conjunction, choices included.</summary>
    public bool Holds(SchemaParts parts, JsonElement value, int depth)
    {
        JsonTypes type = SchemaValues.TypeOf(value);
        if ((parts.Types & type) == 0)
        {
            return false;
        }

        if (parts.Choices.Count > 0)
        {
            SchemaChoice choice = parts.Choices[0];
            return choice.Options.Any(option =>
            {
                SchemaParts one = parts.WithoutChoices();
                one.Choices.AddRange(parts.Choices.Skip(1));
                option(one);
                return Holds(one, value, depth);
            });
        }

        _compiler.RefuseUnsupported(parts, type);
        parts = parts.WithoutChoices();
        parts.ResolveUnevaluated();
        return (parts.Types & type) != 0
            && (parts.Values is null || parts.Values.Exists(known => SchemaValues.Same(known, value)))
            && !parts.NotValues.Exists(known => SchemaValues.Same(known, value))
            && value.ValueKind switch
            {
                JsonValueKind.String => _compiler.IsString(parts, value.GetString()!),
                JsonValueKind.Number => IsNumber(parts, value),
                JsonValueKind.Array => IsArray(parts, value, depth),
                JsonValueKind.Object => IsObject(parts, value, depth),
                _ => true,
            };
    }

    private bool IsNumber(SchemaParts parts, JsonElement value)
    {
        if (!value.TryGetDecimal(out decimal number))
        {
            return parts.Minimum is null && parts.Maximum is null && parts.Multiples.Count == 0
                ? true
                : throw _compiler.Error($"{value.GetRawText()} is not a number of at most 28 digits");
        }

        return (parts.Minimum is not decimal min || number > min || (number == min && !parts.MinimumExcluded))
            && (parts.Maximum is not decimal max || number < max || (number == max && !parts.MaximumExcluded))
            && parts.Multiples.TrueForAll(item => (number % item.Of == 0) != item.Negated);
    }

    private bool IsArray(SchemaParts parts, JsonElement value, int depth)
    {
        JsonElement[] items = [.. value.EnumerateArray()];
        if (items.Length < parts.MinItems || items.Length > parts.MaxItems)
        {
            return false;
        }

        if (parts.UniqueItems && items.Where((item, i) => items.Take(i).Any(x => SchemaValues.Same(x, item))).Any())
        {
            return false;
        }

        return items.Select((item, i) => SchemaArrays.TermsAt(parts, i).All(term => Holds(term, item, depth + 1)))
                .All(holds => holds)
            && parts.Counts.TrueForAll(count =>
            {
                int found = items.Skip(count.From).Count(item => Holds(count.Item, item, depth + 1));
                return found >= count.Min && !(found > count.Max);
            });
    }

    private bool IsObject(SchemaParts parts, JsonElement value, int depth)
    {
        JsonProperty[] members = [.. value.EnumerateObject()];
        string[] names = [.. members.Select(item => item.Name).Distinct()];
        if (names.Length < parts.MinProperties || names.Length > parts.MaxProperties
            || parts.Required.Exists(name => !names.Contains(name)))
        {
            return false;
        }

        return members.All(item => SchemaObjects.TermsOf(parts, item.Name, Matches)
                .All(term => Holds(term, item.Value, depth + 1)))
            && parts.KeyTerms.TrueForAll(term => names.All(name => HoldsName(term, name, depth)))
            && parts.Exists.TrueForAll(exists => members.Any(item =>
                !exists.NotNames.Contains(item.Name)
                && !exists.NotPatterns.Any(pattern => Matches(pattern, item.Name))
                && (exists.Pattern is null || Matches(exists.Pattern, item.Name))
                && (exists.Key is null || HoldsName(exists.Key, item.Name, depth))
                && (exists.Value is null || Holds(exists.Value, item.Value, depth + 1))));
    }

    private bool Matches(string pattern, string name) => _compiler.Strings.PatternTexts(pattern).Accepts(name);

    private bool HoldsName(Term term, string name, int depth)
    {
        using JsonDocument key = JsonDocument.Parse(
            "\"" + JsonEncodedText.Encode(name).ToString() + "\"");
        return Holds(term, key.RootElement, depth + 1);
    }
}
