using System.Text;
using System.Text.Json;

namespace Engine.Grammar;

/// <summary>
/// JSON Schema as a network: exactly the values it allows, keys in declared order, undeclared keys after
/// them. What cannot be enforced is refused by name, never ignored.
/// </summary>
internal sealed class SchemaCompiler
{
    private const int MaxSchemas = 20_000;
    private const int MaxCombinations = 256;

    private readonly GrammarLimits _limits;
    private readonly string _field;
    private readonly JsonElement _root;
    private readonly SchemaReader _reader;
    private readonly NetworkBuilder _builder;
    private readonly Dictionary<string, Node> _known = [];
    private readonly Queue<(int Rule, JsonElement[] Schemas)> _todo = new();
    private readonly Node _anyValue;
    private readonly Node _countedChar;
    private readonly Node _space;

    private SchemaCompiler(JsonElement root, string field, GrammarLimits limits, NetworkBuilder? builder = null)
    {
        _root = root;
        _field = field;
        _limits = limits;
        _reader = new SchemaReader(root, field);
        _builder = builder ?? new NetworkBuilder(field, limits);
        _space = Rule(JsonNodes.Space);
        _countedChar = Rule(JsonNodes.CountedChar);
        int any = _builder.NewRule();
        _anyValue = new Node.Rule(any);
        _builder.Define(any, Node.Any(
            Node.Text("null"), Node.Text("true"), Node.Text("false"), JsonNodes.Number, JsonNodes.AnyString,
            Array(0, -1, [], _anyValue), Members([], Member(JsonNodes.AnyString, _anyValue))));
    }

    /// <summary>The network of a schema given as text.</summary>
    public static Network Compile(string schema, string field, GrammarLimits limits)
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
            return Compile(document.RootElement, field, limits);
        }
        catch (JsonException e)
        {
            throw new EngineException(EngineStatus.InvalidArgument, $"{field}: {e.Message}", field, e);
        }
    }

    /// <summary>The network of a schema.</summary>
    public static Network Compile(JsonElement schema, string field, GrammarLimits limits)
    {
        var compiler = new SchemaCompiler(schema, field, limits);
        return compiler.Finish(compiler.Schema(schema));
    }

    /// <summary>A schema as a part of a larger network.</summary>
    public static Node Compile(JsonElement schema, string field, GrammarLimits limits, NetworkBuilder builder)
    {
        var compiler = new SchemaCompiler(schema, field, limits, builder);
        Node root = compiler.Schema(schema);
        compiler.DefineRules();
        return root;
    }

    private Network Finish(Node root)
    {
        DefineRules();
        return _builder.Build(root);
    }

    private void DefineRules()
    {
        while (_todo.TryDequeue(out (int Rule, JsonElement[] Schemas) next))
        {
            var parts = new SchemaParts();
            foreach (JsonElement schema in next.Schemas)
            {
                _reader.Add(parts, schema, []);
            }

            _builder.Define(next.Rule, Node.Any(Expand(parts).Select(Value)));
        }
    }

    /// <summary>A value that satisfies all of some schemas; equal ones share a rule, which ends recursion.</summary>
    private Node Schema(params IEnumerable<JsonElement> schemas)
    {
        JsonElement[] distinct = [.. schemas.DistinctBy(schema => schema.GetRawText())];
        if (distinct.Length == 0)
        {
            return _anyValue;
        }

        string key = string.Join('\0', distinct.Select(schema => schema.GetRawText()));
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

    /// <summary>One conjunction for each combination of options of anyOf and oneOf.</summary>
    private List<SchemaParts> Expand(SchemaParts parts)
    {
        if (parts.Choices.Count == 0)
        {
            return [parts];
        }

        var combined = new List<SchemaParts> { parts.WithoutChoices() };
        foreach ((string keyword, JsonElement[] options) in parts.Choices)
        {
            var next = new List<SchemaParts>();
            foreach (SchemaParts one in combined)
            {
                List<SchemaParts>[] byOption = [.. options.Select(option =>
                {
                    SchemaParts copy = one.WithoutChoices();
                    _reader.Add(copy, option, [keyword]);
                    return Expand(copy);
                })];
                if (keyword == "oneOf")
                {
                    RequireDisjoint(byOption);
                }

                next.AddRange(byOption.SelectMany(list => list));
                if (next.Count > MaxCombinations)
                {
                    throw Error($"anyOf and oneOf make more than {MaxCombinations} combinations");
                }
            }

            combined = next;
        }

        return combined;
    }

    private void RequireDisjoint(List<SchemaParts>[] byOption)
    {
        for (int i = 0; i < byOption.Length; i++)
        {
            for (int j = i + 1; j < byOption.Length; j++)
            {
                if (!byOption[i].All(a => byOption[j].All(b => SchemaOverlap.AreDisjoint(a, b))))
                {
                    throw Error("oneOf is supported only where its options exclude each other by type or by a constant");
                }
            }
        }
    }

    private Node Value(SchemaParts parts)
    {
        foreach ((string keyword, JsonTypes types) in parts.Unsupported)
        {
            if ((parts.Types & types) != 0)
            {
                throw Error($"keyword {keyword} is not supported");
            }
        }

        if (parts.Values is not null)
        {
            return Values(parts);
        }

        var options = new List<Node>();
        AddIf(JsonTypes.Null, () => Node.Text("null"));
        AddIf(JsonTypes.Boolean, () => Node.Any(Node.Text("true"), Node.Text("false")));
        AddIf(JsonTypes.Number, () => Number(parts));
        AddIf(JsonTypes.Integer, () => Integer(parts));
        AddIf(JsonTypes.String, () => String(parts));
        AddIf(JsonTypes.Array, () => Array(parts));
        AddIf(JsonTypes.Object, () => new SchemaObjects(this, parts).Build());
        return Node.Any(options);

        void AddIf(JsonTypes type, Func<Node> make)
        {
            if (parts.Types.HasFlag(type))
            {
                options.Add(make());
            }
        }
    }

    /// <summary>Of the constants, those that satisfy the rest; the rest is a network of its own.</summary>
    private Node Values(SchemaParts parts)
    {
        List<JsonElement> values = [.. parts.Values!.Where(value => SchemaValues.HasType(value, parts.Types))];
        SchemaParts rest = parts.WithoutChoices();
        rest.Values = null;
        if (SchemaOverlap.IsLimited(rest) && values.Count > 0)
        {
            var compiler = new SchemaCompiler(_root, _field, _limits);
            Node body = compiler.Value(rest);
            Network network;
            try
            {
                network = compiler.Finish(body);
            }
            catch (EngineException e) when (e.Message.Contains("matches no text", StringComparison.Ordinal))
            {
                return Node.Never;
            }

            values = [.. values.Where(value => Matches(network, value.GetRawText()))];
        }

        return Node.Any(values.Select(JsonNodes.Value));
    }

    internal static bool Matches(Network network, string text)
    {
        PositionSet? at = network.Start;
        foreach (byte value in Encoding.UTF8.GetBytes(text))
        {
            at = network.Step(at, value);
            if (at is null)
            {
                return false;
            }
        }

        return at.MayEnd;
    }

    private static Node Number(SchemaParts parts) => parts.Minimum is null && parts.Maximum is null
        ? JsonNodes.Number
        : NumberRange.Decimals(
            parts.Minimum, parts.MinimumExcluded, parts.Maximum, parts.MaximumExcluded);

    private static Node Integer(SchemaParts parts)
    {
        if (parts.Minimum is null && parts.Maximum is null)
        {
            return JsonNodes.Integer;
        }

        decimal? min = parts.Minimum is decimal low ? decimal.Ceiling(low) : null;
        decimal? max = parts.Maximum is decimal high ? decimal.Floor(high) : null;
        min += parts.MinimumExcluded && min == parts.Minimum ? 1 : 0;
        max -= parts.MaximumExcluded && max == parts.Maximum ? 1 : 0;
        return NumberRange.Integers(min, max);
    }

    private Node String(SchemaParts parts)
    {
        bool hasLength = parts.MinLength > 0 || parts.MaxLength is not null;
        string[] patterns = [.. parts.Patterns.Distinct()];
        string[] formats = [.. parts.Formats.Distinct()];
        if (patterns.Length + formats.Length + (hasLength ? 1 : 0) > 1)
        {
            throw Error(
                "keyword " + (patterns.Length > 0 ? "pattern" : "format")
                + " is not supported in company with another pattern, format or a length");
        }

        if (patterns.Length > 0)
        {
            return JsonNodes.Quoted(JsonNodes.Escaped(
                RegexParser.Parse(patterns[0], _field, _limits, search: true)));
        }

        if (formats.Length > 0)
        {
            string expression = StringFormats.Pattern(formats[0])
                ?? throw Error($"format {formats[0]} is not supported");
            return JsonNodes.Quoted(JsonNodes.Escaped(RegexParser.Parse(expression, _field, _limits)));
        }

        if (!hasLength)
        {
            return JsonNodes.AnyString;
        }

        return parts.MaxLength < parts.MinLength
            ? Node.Never
            : JsonNodes.Quoted(Node.Times(_countedChar, parts.MinLength, parts.MaxLength ?? -1));
    }

    private Node Array(SchemaParts parts)
    {
        int numFirst = parts.Arrays.Count == 0 ? 0 : parts.Arrays.Max(part => part.Prefix.Length);
        var first = new Node[numFirst];
        for (int i = 0; i < numFirst; i++)
        {
            first[i] = Schema(parts.Arrays.SelectMany(part => ItemSchema(part, i)));
        }

        Node rest = Schema(parts.Arrays.SelectMany(part => ItemSchema(part, int.MaxValue)));
        return Array(parts.MinItems, parts.MaxItems ?? -1, first, rest);
    }

    private static IEnumerable<JsonElement> ItemSchema(ArrayPart part, int index) =>
        index < part.Prefix.Length ? [part.Prefix[index]]
        : part.Items is JsonElement items ? [items]
        : [];

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
            Node.Seq(Node.Text(","), _space, rest, _space),
            Math.Max(min - fixedItems, 0),
            max < 0 ? -1 : Math.Max(max - fixedItems, 0));
        for (int i = fixedItems - 1; i >= 0; i--)
        {
            Node item = Node.Seq(
                i == 0 ? Node.Empty : Node.Seq(Node.Text(","), _space),
                i < first.Length ? first[i] : rest,
                _space,
                after);
            after = max >= 0 && i >= max ? Node.Empty : Rule(i >= min ? Node.Optional(item) : item);
        }

        return Node.Seq(Node.Text("["), _space, after, Node.Text("]"));
    }

    /// <summary>An object: members in order, each needed or not, then any number of others.</summary>
    internal Node Members((Node Member, bool Required)[] members, Node? other)
    {
        Node close = Node.Text("}");
        Node comma = Node.Seq(Node.Text(","), _space);
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

        return Node.Seq(Node.Text("{"), _space, atFirst);
    }

    internal Node Member(Node key, Node value) =>
        Node.Seq(key, _space, Node.Text(":"), _space, value, _space);

    internal Node SchemaOf(IEnumerable<JsonElement> schemas) => Schema(schemas);

    internal Node Pattern(string pattern) => JsonNodes.Quoted(JsonNodes.Escaped(
        RegexParser.Parse(pattern, _field, _limits, search: true)));

    /// <summary>A network of its own for a node, to judge names by.</summary>
    internal Network Judge(Node node) => new NetworkBuilder(_field, _limits).Build(node);

    /// <summary>A network of its own for strings that satisfy some schemas.</summary>
    internal Network JudgeStrings(IEnumerable<JsonElement> schemas)
    {
        var compiler = new SchemaCompiler(_root, _field, _limits);
        return compiler.Finish(compiler.Schema(schemas));
    }

    internal EngineException Error(string message) => EngineException.Invalid(_field, message);

    private Node.Rule Rule(Node body) => _builder.RuleOf(body);
}
