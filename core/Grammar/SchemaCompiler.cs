using System.Text.Json;

namespace Engine.Grammar;

/// <summary>
/// JSON Schema as a network: exactly the values it allows, keys in declared order, undeclared keys after
/// them. What cannot be enforced is refused by name, never ignored.
/// </summary>
internal sealed class SchemaCompiler
{
    private const int MaxSchemas = 20_000;
    private const int MaxCombinations = 1024;

    private readonly GrammarLimits _limits;
    private readonly string _field;
    private readonly SchemaReader _reader;
    private readonly NetworkBuilder _builder;
    private readonly Dictionary<string, Node> _known = [];
    private readonly Queue<(int Rule, Term[] Terms)> _todo = new();
    private readonly Node _anyValue;
    private readonly Node _countedChar;
    private readonly Node _anyEscape;
    private readonly SchemaNumbers _numbers;

    private SchemaCompiler(JsonElement root, string field, GrammarLimits limits, NetworkBuilder? builder = null)
    {
        _field = field;
        _limits = limits;
        _reader = new SchemaReader(new SchemaDocument(root, field), field);
        _builder = builder ?? new NetworkBuilder(field, limits);
        _numbers = new SchemaNumbers(field, limits);
        Strings = new SchemaStrings(field, limits);
        Judge = new SchemaJudge(this, _reader);
        Space = Rule(_builder.JsonSpace);
        _countedChar = Rule(JsonNodes.CountedChar);
        _anyEscape = Rule(JsonNodes.AnyEscape);
        int any = _builder.NewRule();
        _anyValue = new Node.Rule(any);
        _builder.Define(any, Node.Any(
            Node.Text("null"), Node.Text("true"), Node.Text("false"), JsonNodes.Number, JsonNodes.AnyString,
            Array(0, -1, [], _anyValue), Members([], Member(JsonNodes.AnyString, _anyValue))));
    }

    /// <summary>White space between tokens.</summary>
    internal Node Space { get; }

    internal SchemaStrings Strings { get; }

    internal SchemaJudge Judge { get; }

    /// <summary>The network of a schema given as text.</summary>
    public static Network Compile(string schema, string field, GrammarLimits limits, Node? space = null)
    {
        if (schema.Length > limits.MaxLength)
        {
            throw EngineException.Invalid(
                field, $"is {schema.Length} characters long, at most {limits.MaxLength} are allowed");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(
                schema, new JsonDocumentOptions { MaxDepth = limits.MaxDepth });
            return Compile(document.RootElement, field, limits, space);
        }
        catch (JsonException e)
        {
            throw new EngineException(EngineStatus.InvalidArgument, $"{field}: {e.Message}", field, e);
        }
    }

    /// <summary>The network of a schema.</summary>
    public static Network Compile(JsonElement schema, string field, GrammarLimits limits, Node? space = null)
    {
        var builder = new NetworkBuilder(field, limits) { JsonSpace = space ?? JsonNodes.Space };
        return builder.Build(Compile(schema, field, limits, builder));
    }

    /// <summary>A schema as a part of a larger network.</summary>
    public static Node Compile(JsonElement schema, string field, GrammarLimits limits, NetworkBuilder builder)
    {
        var compiler = new SchemaCompiler(schema, field, limits, builder);
        Node root = compiler.SchemaOf([new Term(schema, false, "#")]);
        compiler.DefineRules();
        return root;
    }

    private void DefineRules()
    {
        while (_todo.TryDequeue(out (int Rule, Term[] Terms) next))
        {
            _builder.CheckTime();
            _builder.Define(next.Rule, Node.Any(Read(next.Terms).Select(parts => Value(parts))));
        }
    }

    /// <summary>A value that satisfies all of some schemas; equal ones share a rule, which ends recursion.</summary>
    internal Node SchemaOf(IEnumerable<Term> terms)
    {
        Term[] distinct = [.. terms.DistinctBy(term => term.Key)
            .Where(term => term.Schema.ValueKind is not (JsonValueKind.True or JsonValueKind.False) || term.IsFalse)];
        if (distinct.Length == 0)
        {
            return _anyValue;
        }

        string key = string.Join('\0', distinct.Select(term => term.Key));
        if (!_known.TryGetValue(key, out Node? node))
        {
            if (_known.Count == MaxSchemas)
            {
                throw Error($"has more than {MaxSchemas} parts");
            }

            int rule = _builder.NewRule();
            node = new Node.Rule(rule);
            _known.Add(key, node);
            _todo.Enqueue((rule, distinct));
        }

        return node;
    }

    /// <summary>The conjunctions of which a value of some schemas satisfies at least one.</summary>
    internal List<SchemaParts> Read(Term[] terms)
    {
        var parts = new SchemaParts();
        foreach (Term term in terms)
        {
            _reader.Add(parts, term, SchemaContext.Start);
        }

        var found = new List<SchemaParts>();
        Expand(parts, found);
        return found;
    }

    /// <summary>One conjunction for each combination of options.</summary>
    private void Expand(SchemaParts parts, List<SchemaParts> found)
    {
        if (parts.Values is null && parts.Required.Exists(name => HasNoValue(parts, name)))
        {
            // Of many conditions on one member most combinations end here.
            parts.Types &= ~JsonTypes.Object;
        }

        // What enum and const list is judged one by one, choices and all.
        if (parts.Types == JsonTypes.None)
        {
            return;
        }

        if (parts.Choices.Count == 0 || parts.Values is not null)
        {
            if (found.Count == MaxCombinations)
            {
                throw Error($"{Where(parts)}anyOf, oneOf, not and if make more than {MaxCombinations} combinations");
            }

            if (parts.Values is null)
            {
                parts.ResolveUnevaluated();
            }

            found.Add(parts);
            return;
        }

        SchemaChoice choice = parts.Choices[0];
        _builder.CheckTime();
        foreach (Action<SchemaParts> option in choice.Options)
        {
            SchemaParts one = parts.WithoutChoices();
            one.Choices.AddRange(parts.Choices.Skip(1));
            option(one);
            Expand(one, found);
        }
    }

    /// <summary>A member is needed, and none of the values that are listed for it fits.</summary>
    private bool HasNoValue(SchemaParts parts, string name)
    {
        Term[] terms = [.. SchemaObjects.TermsOf(
            parts, name, (pattern, text) => Strings.PatternTexts(pattern).Accepts(text))];
        IEnumerable<JsonElement>? listed = terms.Select(term => term.Listed()).FirstOrDefault(list => list is not null);
        return terms.Any(term => term.IsFalse)
            || (listed is not null && !listed.Any(value => terms.All(term => Judge.Holds(term, value))));
    }

    private static string Where(SchemaParts parts) => parts.Choices.Count > 0 ? parts.Choices[0].Path + ": " : "";

    internal void RefuseUnsupported(SchemaParts parts, JsonTypes types)
    {
        foreach ((string message, JsonTypes concerned) in parts.Unsupported)
        {
            if ((types & concerned) != 0)
            {
                throw Error(message);
            }
        }
    }

    private Node Value(SchemaParts parts)
    {
        if (parts.Values is not null)
        {
            return Node.Any(ValuesThatHold(parts).Select(JsonNodes.Value));
        }

        RefuseUnsupported(parts, parts.Types);
        var options = new List<Node>();
        AddIf(JsonTypes.Null, () => Constant(parts, "null", JsonValueKind.Null));
        AddIf(JsonTypes.Boolean, () => Node.Any(
            Constant(parts, "true", JsonValueKind.True), Constant(parts, "false", JsonValueKind.False)));
        AddIf(JsonTypes.Number, () => _numbers.Build(parts));
        AddIf(JsonTypes.String, () => Strings.Build(parts, _countedChar, _anyEscape));
        AddIf(JsonTypes.Array, () => Array(parts));
        AddIf(JsonTypes.Object, () => new SchemaObjects(this, parts).Build());
        return Node.Any(options);

        void AddIf(JsonTypes type, Func<Node> make)
        {
            if ((parts.Types & type) != 0)
            {
                options.Add(make());
            }
        }
    }

    internal IEnumerable<JsonElement> ValuesThatHold(SchemaParts parts)
    {
        List<JsonElement> values = parts.Values!;
        SchemaParts rest = parts.WithoutChoices();
        rest.Values = null;
        rest.Choices.AddRange(parts.Choices);
        return values.Where(value => Judge.Holds(rest, value, 0));
    }

    private static Node Constant(SchemaParts parts, string text, JsonValueKind kind) =>
        parts.NotValues.Exists(value => value.ValueKind == kind) ? Node.Never : Node.Text(text);

    /// <summary>The values that satisfy some schemas, if they are listed; null if they are not.</summary>
    internal List<JsonElement>? ValuesOf(Term[] terms)
    {
        var values = new List<JsonElement>();
        foreach (SchemaParts parts in Read(terms))
        {
            if (parts.Values is not null)
            {
                values.AddRange(ValuesThatHold(parts));
                continue;
            }

            RefuseUnsupported(parts, parts.Types);
            JsonTypes open = parts.Types & ~(JsonTypes.Null | JsonTypes.Boolean);
            if (open == JsonTypes.Integer && parts.Maximum - parts.Minimum <= 64)
            {
                for (decimal n = decimal.Ceiling(parts.Minimum!.Value); n <= parts.Maximum; n++)
                {
                    values.Add(Term.Parse(n.ToString(System.Globalization.CultureInfo.InvariantCulture)).Schema);
                }
            }
            else if (open != JsonTypes.None)
            {
                return null;
            }

            values.AddRange(SchemaValues.Constants);
        }

        return [.. values.Where(value => terms.All(term => Judge.Holds(term, value)))];
    }

    /// <summary>The strings that satisfy some schemas.</summary>
    internal Dfa StringsOf(IEnumerable<Term> terms)
    {
        Term[] all = [.. terms, Term.String];
        Dfa? found = null;
        foreach (SchemaParts parts in Read(all))
        {
            RefuseUnsupported(parts, JsonTypes.String);
            Dfa one = parts.Values is null
                ? Strings.Language(parts)
                : Strings.Texts(ValuesThatHold(parts).Select(value => value.GetString()!));
            found = found is null ? one : found.Or(one, _field);
        }

        return found ?? Strings.Texts([]);
    }

    internal bool IsString(SchemaParts parts, string text)
    {
        int length = text.EnumerateRunes().Count();
        return length >= parts.MinLength && !(length > parts.MaxLength)
            && parts.Patterns.TrueForAll(item => Strings.PatternTexts(item.Text).Accepts(text) != item.Negated)
            && parts.Formats.TrueForAll(item => Strings.FormatTexts(item.Name).Accepts(text) != item.Negated);
    }

    internal Dfa Both(Dfa one, Dfa other) => one.And(other, _field);

    internal Dfa Without(Dfa one, Dfa other) => one.Minus(other, _field);

    internal Node KeyOf(Dfa keys) => JsonNodes.Quoted(keys.ToJson(_anyEscape));

    private Node Array(SchemaParts parts)
    {
        if (parts.MaxItems < parts.MinItems)
        {
            return Node.Never;
        }

        bool unique = parts.UniqueItems && !(parts.MaxItems <= 1);
        if (parts.Counts.Count > 0 || unique)
        {
            return new SchemaArrays(this, parts).Build();
        }

        int numFirst = parts.Arrays.Count == 0 ? 0 : parts.Arrays.Max(part => part.Prefix.Length);
        var first = new Node[Math.Min(numFirst, parts.MaxItems ?? numFirst)];
        for (int i = 0; i < first.Length; i++)
        {
            first[i] = SchemaOf(SchemaArrays.TermsAt(parts, i));
        }

        Node rest = SchemaOf(SchemaArrays.TermsAt(parts, int.MaxValue));
        return Array(parts.MinItems, parts.MaxItems ?? -1, first, rest);
    }

    /// <summary>An array: so many items of their own kind, then more of one kind.</summary>
    private Node Array(int min, int max, Node[] first, Node rest)
    {
        if (max >= 0 && max < min)
        {
            return Node.Never;
        }

        // After i items, from the last backwards; item 0 has no comma before it.
        int fixedItems = Math.Max(first.Length, 1);
        Node after = Node.Times(
            Node.Seq(Node.Text(","), Space, rest, Space),
            Math.Max(min - fixedItems, 0),
            max < 0 ? -1 : Math.Max(max - fixedItems, 0));
        for (int i = fixedItems - 1; i >= 0; i--)
        {
            Node item = Node.Seq(
                i == 0 ? Node.Empty : Node.Seq(Node.Text(","), Space),
                i < first.Length ? first[i] : rest,
                Space,
                after);
            after = max >= 0 && i >= max ? Node.Empty : Rule(i >= min ? Node.Optional(item) : item);
        }

        return Node.Seq(Node.Text("["), Space, after, Node.Text("]"));
    }

    /// <summary>An object: members in order, each needed or not, then any number of others.</summary>
    internal Node Members((Node Member, bool Required)[] members, Node? other)
    {
        Node close = Node.Text("}");
        Node comma = Node.Seq(Node.Text(","), Space);
        Node later = close;
        Node atFirst = close;
        if (other is not null)
        {
            later = Rule(Node.Seq(Node.Star(Node.Seq(comma, other)), close));
            atFirst = Rule(Node.Any(close, Node.Seq(other, later)));
        }

        for (int i = members.Length - 1; i >= 0; i--)
        {
            (Node member, bool required) = members[i];
            Node taken = Node.Seq(member, later);
            Node takenLater = Node.Seq(comma, member, later);
            (atFirst, later) = required
                ? (Rule(taken), Rule(takenLater))
                : (Rule(Node.Any(taken, atFirst)), Rule(Node.Any(takenLater, later)));
        }

        return Node.Seq(Node.Text("{"), Space, atFirst);
    }

    internal Node Member(Node key, Node value) =>
        Node.Seq(key, Space, Node.Text(":"), Space, value, Space);

    internal Node.Rule Rule(Node body) => _builder.RuleOf(body);

    internal EngineException Error(string message) => EngineException.Invalid(_field, message);
}
