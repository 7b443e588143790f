using System.Text.Json;

namespace Engine.Grammar;

/// <summary>Keywords of which one alternative or another holds.</summary>
internal sealed partial class SchemaReader
{
    // With an unevaluated keyword looking on, it matters which of the options hold, not only that one does.
    private const int MaxWatchedOptions = 5;

    private void AddAnyOf(SchemaParts parts, Term[] options, Term term, SchemaContext context)
    {
        string path = term.Path + "/anyOf";
        if (context.Watchers.Count == 0)
        {
            parts.Choose(path, [.. options.Select(Holds(context))]);
            return;
        }

        if (options.Length > MaxWatchedOptions)
        {
            parts.Unsupported.Add((
                $"{path}: more than {MaxWatchedOptions} options are not supported beside an unevaluated keyword",
                JsonTypes.All));
            return;
        }

        parts.Choose(path, [.. Enumerable.Range(1, (1 << options.Length) - 1).Select(holding =>
            new Action<SchemaParts>(to =>
            {
                for (int i = 0; i < options.Length; i++)
                {
                    Add(to, (holding >> i & 1) != 0 ? options[i] : options[i].Not(), context);
                }
            }))]);
    }

    private void AddOneOf(SchemaParts parts, Term[] options, Term term, SchemaContext context)
    {
        bool[,] disjoint = new bool[options.Length, options.Length];
        for (int i = 0; i < options.Length; i++)
        {
            for (int j = 0; j < i; j++)
            {
                disjoint[i, j] = disjoint[j, i] = SchemaOverlap.AreDisjoint(Glance(options[i]), Glance(options[j]));
            }
        }

        parts.Choose(term.Path + "/oneOf", [.. options.Select((option, i) => new Action<SchemaParts>(to =>
        {
            Add(to, option, context);
            for (int j = 0; j < options.Length; j++)
            {
                if (j != i && !disjoint[i, j])
                {
                    Add(to, options[j].Not(), context.Alone);
                }
            }
        }))]);
    }

    /// <summary>What an option says without its own choices, to see whether two exclude each other.</summary>
    private SchemaParts Glance(Term term)
    {
        var parts = new SchemaParts();
        Add(parts, term, SchemaContext.Start);
        return parts;
    }

    private void AddIf(SchemaParts parts, Term term, JsonElement condition, SchemaContext context)
    {
        Term holds = term.Child(condition, "if");
        Term? then = Optional(term, "then");
        Term? otherwise = Optional(term, "else");
        if (then is null && otherwise is null && context.Watchers.Count == 0)
        {
            return;
        }

        parts.Choose(term.Path + "/if",
        [
            to => AddBoth(to, holds, then, context),
            to => AddBoth(to, holds.Not(), otherwise, context),
        ]);
    }

    private void AddBoth(SchemaParts parts, Term one, Term? other, SchemaContext context)
    {
        Add(parts, one, context);
        if (other is not null)
        {
            Add(parts, other, context);
        }
    }

    private void AddDependent(SchemaParts parts, Term term, string name, JsonElement value, SchemaContext context)
    {
        if (name == "dependencies" && !_document.IsDraft7)
        {
            parts.Unsupported.Add((
                $"{term.Path}/{name}: keyword {name} is not supported; use dependentRequired or dependentSchemas",
                JsonTypes.Object));
            return;
        }

        foreach (JsonProperty item in Members(term, name, value))
        {
            Action<SchemaParts> needed = item.Value.ValueKind == JsonValueKind.Array && name != "dependentSchemas"
                ? to => to.Required.AddRange(Names(term, name, item.Value))
                : to => Add(to, term.Child(item.Value, name, item.Name), context);
            parts.Choose($"{term.Path}/{name}/{item.Name}",
            [
                to => to.Objects.Add(ObjectPart.Of(item.Name, Term.False)),
                to =>
                {
                    to.Required.Add(item.Name);
                    needed(to);
                },
                to => to.Types &= ~JsonTypes.Object,
            ]);
        }
    }

    private void AddContains(SchemaParts parts, Term term, JsonElement value, SchemaContext context)
    {
        Term item = term.Child(value, "contains");
        (int min, int? max) = ContainsCounts(term);
        if (min > 0 || max is not null)
        {
            parts.Counts.Add(new ArrayCount(item, 0, min, max));
        }

        foreach (int watcher in context.Watchers)
        {
            parts.Evaluated[watcher].Contains.Add(item);
        }
    }

    private (int Min, int? Max) ContainsCounts(Term term) => _document.IsDraft7
        ? (1, null)
        : (term.Schema.TryGetProperty("minContains", out JsonElement min) ? Count(term, "minContains", min) : 1,
            term.Schema.TryGetProperty("maxContains", out JsonElement max) ? Count(term, "maxContains", max) : null);

    private Term Target(
        Term term, string name, JsonElement value, SchemaContext context, out SchemaContext inside)
    {
        string reference = Text(term, name, value);
        if (name == "$dynamicRef" && reference.Length > 1 && reference[1] != '/'
            && !_document.IsPlainAnchor(reference[1..]))
        {
            throw Error(term, "keyword $dynamicRef is supported only where one schema has its anchor");
        }

        string mark = (term.Negated ? "!" : "") + reference;
        if (context.References.Contains(mark))
        {
            throw Error(term, $"{name} {reference} refers to itself");
        }

        inside = context.Inside(mark);
        return _document.Resolve(reference, term);
    }

    private static Term? Optional(Term term, string name) =>
        term.Schema.TryGetProperty(name, out JsonElement schema) ? term.Child(schema, name) : null;

    private Func<Term, Action<SchemaParts>> Holds(SchemaContext context) =>
        option => to => Add(to, option, context);
}
