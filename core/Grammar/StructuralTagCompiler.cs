using System.Text.Json;

namespace Engine.Grammar;

/// <summary>
/// vLLM's structural_tag: the older {structures, triggers} and the newer {format}. What a format does not know
/// is refused by name.
/// </summary>
internal sealed class StructuralTagCompiler
{
    // A tag may hold a schema that is as deep as a schema may be.
    private const int ExtraDepth = 16;

    private readonly string _field;
    private readonly GrammarLimits _limits;
    private readonly NetworkBuilder _builder;

    private StructuralTagCompiler(string field, GrammarLimits limits, Node? space)
    {
        _field = field;
        _limits = limits;
        _builder = new NetworkBuilder(field, limits) { JsonSpace = space ?? JsonNodes.Space };
    }

    /// <summary>The network of a structural tag given as JSON text.</summary>
    public static Network Compile(string text, string field, GrammarLimits limits, Node? space = null)
    {
        if (text.Length > limits.MaxLength)
        {
            throw EngineException.Invalid(
                field, $"is {text.Length} characters long, at most {limits.MaxLength} are allowed");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(
                text, new JsonDocumentOptions { MaxDepth = limits.MaxDepth + ExtraDepth });
            var compiler = new StructuralTagCompiler(field, limits, space);
            return compiler._builder.Build(compiler.Root(document.RootElement));
        }
        catch (JsonException e)
        {
            throw new EngineException(EngineStatus.InvalidArgument, $"{field}: {e.Message}", field, e);
        }
    }

    private Node Root(JsonElement root)
    {
        RequireObject(root, "the whole");
        if (root.TryGetProperty("type", out JsonElement type) && !type.ValueEquals("structural_tag"))
        {
            throw Error("type is not structural_tag");
        }

        if (root.TryGetProperty("format", out JsonElement format))
        {
            return Format(format, "format", []);
        }

        if (!root.TryGetProperty("structures", out _))
        {
            throw Error("format, or structures and triggers, is needed");
        }

        Tag[] tags = [.. List(root, "structures", "").Select((structure, i) =>
        {
            string path = $"structures[{i}]";
            RequireObject(structure, path);
            string begin = Text(structure, "begin", path);
            Node content = structure.TryGetProperty("schema", out JsonElement schema)
                ? Schema(schema, path + ".schema")
                : throw Error($"{path}.schema is missing");
            return new Tag(begin, Node.Seq(content, Node.Text(Text(structure, "end", path))), path);
        })];
        return Triggered(tags, Strings(root, "triggers", ""), [], false, false, "triggers");
    }

    /// <param name="format">A format object.</param>
    /// <param name="path">Named by errors.</param>
    /// <param name="ends">What comes after it: free text must not contain that.</param>
    private Node Format(JsonElement format, string path, IReadOnlyList<string> ends)
    {
        RequireObject(format, path);
        string type = Text(format, "type", path);
        switch (type)
        {
            case "const_string":
                return Node.Text(Text(format, "value", path));
            case "json_schema":
                return JsonSchema(format, path);
            case "regex":
                return RegexParser.Parse(Text(format, "pattern", path), _field, _limits);
            case "grammar":
                return GbnfParser.Parse(Text(format, "grammar", path), _field, _limits, _builder);
            case "any_text":
                return FreeText.Without([.. ends, .. Strings(format, "excludes", path, optional: true)]);
            case "sequence":
                JsonElement[] elements = [.. List(format, "elements", path)];
                return Node.Seq(elements.Select((element, i) => Format(
                    element, $"{path}.elements[{i}]", i == elements.Length - 1 ? ends : [])));
            case "or":
                return Node.Any(List(format, "elements", path).Select((element, i) => Format(
                    element, $"{path}.elements[{i}]", ends)));
            case "optional":
                return Node.Optional(Content(format, path, ends));
            case "star":
                return Node.Star(Content(format, path, ends));
            case "plus":
                return Node.Times(Content(format, path, ends), 1, -1);
            case "tag":
                Tag tag = ReadTag(format, path);
                return Node.Seq(Node.Text(tag.Begin), tag.Rest);
            case "triggered_tags":
                return Triggered(
                    [.. List(format, "tags", path).Select((item, i) => ReadTag(item, $"{path}.tags[{i}]"))],
                    Strings(format, "triggers", path),
                    [.. ends, .. Strings(format, "excludes", path, optional: true)],
                    Flag(format, "at_least_one", path),
                    Flag(format, "stop_after_first", path),
                    path + ".triggers");
            case "tags_with_separator":
                return Separated(format, path);
            default:
                throw Error($"{path}.type: format {type} is not supported");
        }
    }

    private Node Content(JsonElement format, string path, IReadOnlyList<string> ends) =>
        format.TryGetProperty("content", out JsonElement content)
            ? Format(content, path + ".content", ends)
            : throw Error($"{path}.content is missing");

    private Node JsonSchema(JsonElement format, string path)
    {
        if (format.TryGetProperty("style", out JsonElement style) && !style.ValueEquals("json"))
        {
            throw Error($"{path}.style: only json is supported");
        }

        return format.TryGetProperty("json_schema", out JsonElement schema)
            ? Schema(schema, path + ".json_schema")
            : throw Error($"{path}.json_schema is missing");
    }

    private Node Schema(JsonElement schema, string path)
    {
        try
        {
            return SchemaCompiler.Compile(schema, _field, _limits, _builder);
        }
        catch (EngineException e)
        {
            throw new EngineException(e.Status, $"{path}: {e.Message}", _field, e);
        }
    }

    private Tag ReadTag(JsonElement tag, string path)
    {
        RequireObject(tag, path);
        if (tag.TryGetProperty("type", out JsonElement type) && !type.ValueEquals("tag"))
        {
            throw Error($"{path}.type: a tag is needed");
        }

        string[] ends = tag.TryGetProperty("end", out JsonElement end) && end.ValueKind == JsonValueKind.Array
            ? Strings(tag, "end", path)
            : [Text(tag, "end", path)];
        Node content = Content(tag, path, [.. ends.Where(text => text.Length > 0)]);
        return new Tag(Text(tag, "begin", path), Node.Seq(content, Node.Any(ends.Select(Node.Text))), path);
    }

    private Node Separated(JsonElement format, string path)
    {
        Node tag = Node.Any(List(format, "tags", path).Select((item, i) =>
        {
            Tag one = ReadTag(item, $"{path}.tags[{i}]");
            return Node.Seq(Node.Text(one.Begin), one.Rest);
        }));
        tag = _builder.RuleOf(tag);
        Node more = Flag(format, "stop_after_first", path)
            ? Node.Empty
            : Node.Star(Node.Seq(Node.Text(Text(format, "separator", path)), tag));
        Node all = Node.Seq(tag, more);
        return Flag(format, "at_least_one", path) ? all : Node.Optional(all);
    }

    /// <summary>Free text in which a trigger, once complete, has to become one of its tags.</summary>
    private Node Triggered(
        Tag[] tags, string[] triggers, string[] excludes, bool atLeastOne, bool stopAfterFirst, string path)
    {
        if (triggers.Length == 0 || triggers.Contains("") || excludes.Contains(""))
        {
            throw Error($"{path}: at least one is needed, and none may be empty");
        }

        // A tag belongs to the shortest of its triggers, which is complete first.
        ILookup<string, Tag> byTrigger = tags.ToLookup(tag => triggers
            .Where(trigger => tag.Begin.StartsWith(trigger, StringComparison.Ordinal))
            .MinBy(trigger => trigger.Length)
            ?? throw Error($"{tag.Path}.begin: \"{tag.Begin}\" begins with none of the triggers"));
        string[] strings = [.. triggers.Concat(excludes).Distinct()];
        var text = new FreeText(strings);
        int done = text.NumStates;
        var edges = new List<GraphEdge>(text.Edges());
        var finals = new List<int>();
        for (int state = 0; state < text.NumStates; state++)
        {
            if (text.Found(state).Count == 0)
            {
                finals.Add(state);
            }

            foreach (string found in text.Found(state).Select(i => strings[i]).Except(excludes))
            {
                edges.AddRange(byTrigger[found].Select(tag => new GraphEdge(
                    state,
                    Node.Seq(Node.Text(tag.Begin[found.Length..]), tag.Rest),
                    stopAfterFirst ? done : 0)));
            }
        }

        var free = new Node.Graph(done + 1, [.. edges], [.. finals, done]);
        if (!atLeastOne)
        {
            return free;
        }

        Node first = Node.Any(tags.Select(tag => Node.Seq(Node.Text(tag.Begin), tag.Rest)));
        return stopAfterFirst ? first : Node.Seq(first, free);
    }

    private JsonElement.ArrayEnumerator List(JsonElement parent, string name, string path) =>
        parent.TryGetProperty(name, out JsonElement list) && list.ValueKind == JsonValueKind.Array
            && list.GetArrayLength() > 0
            ? list.EnumerateArray()
            : throw Error($"{Join(path, name)} is not a list with an entry");

    private string[] Strings(JsonElement parent, string name, string path, bool optional = false) =>
        optional && !parent.TryGetProperty(name, out _)
            ? []
            : [.. List(parent, name, path).Select(item => item.ValueKind == JsonValueKind.String
                ? item.GetString()!
                : throw Error($"{Join(path, name)} is not a list of strings"))];

    private string Text(JsonElement parent, string name, string path) =>
        parent.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw Error($"{Join(path, name)} is not a string");

    private bool Flag(JsonElement parent, string name, string path) =>
        parent.TryGetProperty(name, out JsonElement value) && value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Error($"{Join(path, name)} is not a truth value"),
        };

    private void RequireObject(JsonElement value, string path)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw Error($"{path} is not an object");
        }
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : path + "." + name;

    private EngineException Error(string message) => EngineException.Invalid(_field, message);

    /// <summary>A tag: what it begins with, and its content and end.</summary>
    private sealed record Tag(string Begin, Node Rest, string Path);
}
