using System.Text.Json;

namespace Engine.Grammar;

/// <summary>JSON's types as bits; numbers are whole or not.</summary>
[Flags]
internal enum JsonTypes
{
    None = 0,
    Null = 1,
    Boolean = 2,
    Integer = 4,
    Fraction = 8,
    String = 16,
    Array = 32,
    Object = 64,
    Number = Integer | Fraction,
    All = Null | Boolean | Number | String | Array | Object,
}

/// <summary>What one schema object says of the members of objects.</summary>
internal sealed record ObjectPart(
    IReadOnlyDictionary<string, Term> Properties,
    IReadOnlyList<(string Pattern, Term Schema)> Patterns,
    Term? Additional)
{
    public static ObjectPart Of(string name, Term schema) =>
        new(new Dictionary<string, Term> { [name] = schema }, [], null);
}

/// <summary>An object has a member like this; its key is none of some names, and matches as it says.</summary>
internal sealed record ObjectExists(
    IReadOnlyCollection<string> NotNames, IReadOnlyList<string> NotPatterns, string? Pattern, Term? Key, Term? Value);

/// <summary>What one schema object says of the items of arrays.</summary>
internal sealed record ArrayPart(Term[] Prefix, Term? Items);

/// <summary>How many items from an index on satisfy a schema.</summary>
internal sealed record ArrayCount(Term Item, int From, int Min, int? Max);

/// <summary>One of these has to hold as well; each adds itself to a conjunction.</summary>
internal sealed record SchemaChoice(string Path, IReadOnlyList<Action<SchemaParts>> Options);

/// <summary>What the schemas that hold have said of members and items, for the unevaluated keywords.</summary>
internal sealed class Evaluated
{
    public HashSet<string> Names { get; private init; } = [];

    public HashSet<string> Patterns { get; private init; } = [];

    public bool AllNames { get; set; }

    public int NumItems { get; set; }

    public bool AllItems { get; set; }

    public List<Term> Contains { get; private init; } = [];

    /// <summary>What holds for the members that were not spoken of.</summary>
    public Term? OtherNames { get; set; }

    /// <summary>What holds for the items that were not spoken of.</summary>
    public Term? OtherItems { get; set; }

    /// <summary>It does not hold for some of those members.</summary>
    public bool NamesFail { get; set; }

    /// <summary>It does not hold for some of those items.</summary>
    public bool ItemsFail { get; set; }

    public Evaluated Copy() => new()
    {
        Names = [.. Names],
        Patterns = [.. Patterns],
        AllNames = AllNames,
        NumItems = NumItems,
        AllItems = AllItems,
        Contains = [.. Contains],
        OtherNames = OtherNames,
        OtherItems = OtherItems,
        NamesFail = NamesFail,
        ItemsFail = ItemsFail,
    };
}

/// <summary>The conjunction of some schemas: everything a value must satisfy, choices aside.</summary>
internal sealed class SchemaParts
{
    public JsonTypes Types { get; set; } = JsonTypes.All;

    /// <summary>Values allowed by enum and const; null is no limit.</summary>
    public List<JsonElement>? Values { get; set; }

    /// <summary>Strings, numbers and other single values that are not allowed.</summary>
    public List<JsonElement> NotValues { get; private set; } = [];

    public decimal? Minimum { get; private set; }

    public bool MinimumExcluded { get; private set; }

    public decimal? Maximum { get; private set; }

    public bool MaximumExcluded { get; private set; }

    public List<(decimal Of, bool Negated)> Multiples { get; private set; } = [];

    public int MinLength { get; set; }

    public int? MaxLength { get; set; }

    public List<(string Text, bool Negated)> Patterns { get; private set; } = [];

    public List<(string Name, bool Negated)> Formats { get; private set; } = [];

    public int MinItems { get; set; }

    public int? MaxItems { get; set; }

    public bool UniqueItems { get; set; }

    public List<ArrayPart> Arrays { get; private set; } = [];

    public List<ArrayCount> Counts { get; private set; } = [];

    public List<ObjectPart> Objects { get; private set; } = [];

    public List<string> Required { get; private set; } = [];

    public List<Term> KeyTerms { get; private set; } = [];

    public int MinProperties { get; set; }

    public int? MaxProperties { get; set; }

    public List<ObjectExists> Exists { get; private set; } = [];

    public List<SchemaChoice> Choices { get; private set; } = [];

    /// <summary>One for each schema object with an unevaluated keyword.</summary>
    public List<Evaluated> Evaluated { get; private set; } = [];

    /// <summary>What cannot be enforced, and the types it concerns.</summary>
    public List<(string Message, JsonTypes Types)> Unsupported { get; private set; } = [];

    /// <summary>A copy without its choices, to which one option of each is then added.</summary>
    public SchemaParts WithoutChoices()
    {
        var copy = (SchemaParts)MemberwiseClone();
        copy.NotValues = [.. NotValues];
        copy.Multiples = [.. Multiples];
        copy.Patterns = [.. Patterns];
        copy.Formats = [.. Formats];
        copy.Arrays = [.. Arrays];
        copy.Counts = [.. Counts];
        copy.Objects = [.. Objects];
        copy.Required = [.. Required];
        copy.KeyTerms = [.. KeyTerms];
        copy.Exists = [.. Exists];
        copy.Evaluated = [.. Evaluated.Select(one => one.Copy())];
        copy.Unsupported = [.. Unsupported];
        copy.Choices = [];
        return copy;
    }

    public void AtLeast(decimal bound, bool excluded)
    {
        if (Minimum is null || bound > Minimum || (bound == Minimum && excluded))
        {
            (Minimum, MinimumExcluded) = (bound, excluded);
        }
    }

    public void AtMost(decimal bound, bool excluded)
    {
        if (Maximum is null || bound < Maximum || (bound == Maximum && excluded))
        {
            (Maximum, MaximumExcluded) = (bound, excluded);
        }
    }

    public void OnlyValues(List<JsonElement> values) => Values = Values is null
        ? values
        : [.. Values.Where(old => values.Exists(value => SchemaValues.Same(old, value)))];

    /// <summary>An option to be chosen later; the only one is taken now.</summary>
    public void Choose(string path, IReadOnlyList<Action<SchemaParts>> options)
    {
        if (options.Count == 1)
        {
            options[0](this);
        }
        else if (options.Count == 0)
        {
            Types = JsonTypes.None;
        }
        else
        {
            Choices.Add(new SchemaChoice(path, options));
        }
    }

    /// <summary>Turns what the unevaluated keywords say into what it means, now that it is known what holds.</summary>
    public void ResolveUnevaluated()
    {
        foreach (Evaluated known in Evaluated)
        {
            ResolveNames(known);
            ResolveItems(known);
        }
    }

    private void ResolveNames(Evaluated known)
    {
        Term any = Term.False.Not();
        if (known.OtherNames is not { } names)
        {
            return;
        }

        if (known.NamesFail)
        {
            Types &= known.AllNames ? JsonTypes.None : JsonTypes.Object;
            Exists.Add(new ObjectExists(known.Names, [.. known.Patterns], null, null, names.Not()));
        }
        else if (!known.AllNames)
        {
            Objects.Add(new ObjectPart(
                known.Names.ToDictionary(name => name, _ => any),
                [.. known.Patterns.Select(pattern => (pattern, any))],
                names));
        }
    }

    private void ResolveItems(Evaluated known)
    {
        if (known.OtherItems is not { } items || (known.AllItems && !known.ItemsFail))
        {
            return;
        }

        Term rest = known.Contains.Count == 0
            ? items
            : Term.Parse("{\"anyOf\":["
                + string.Join(',', known.Contains.Append(items).Select(term => term.Schema.GetRawText()))
                + "]}");
        if (known.ItemsFail)
        {
            Types &= known.AllItems ? JsonTypes.None : JsonTypes.Array;
            Counts.Add(new ArrayCount(rest.Not(), known.NumItems, 1, null));
        }
        else
        {
            Arrays.Add(new ArrayPart([.. Enumerable.Repeat(Term.False.Not(), known.NumItems)], rest));
        }
    }
}
