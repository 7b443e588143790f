using System.Text.Json;

namespace Engine.Grammar;

/// <summary>What a conjunction of schemas says of arrays, where items count or differ.</summary>
internal sealed class SchemaArrays
{
    private const int MaxGraphStates = 4096;
    private const int MaxCounts = 3;
    private const int MaxValues = 64;

    private readonly SchemaCompiler _compiler;
    private readonly SchemaParts _parts;
    private readonly List<GraphEdge> _edges = [];
    private readonly Dictionary<string, int> _states = [];
    private readonly Queue<(int State, int Index, int[] Counts, ulong Used)> _todo = new();
    private readonly List<int> _finals = [];
    private readonly int _indexCap;
    private bool _hasMarks;

    public SchemaArrays(SchemaCompiler compiler, SchemaParts parts)
    {
        _compiler = compiler;
        _parts = parts;
        int prefix = parts.Arrays.Select(part => part.Prefix.Length).DefaultIfEmpty().Max();
        int from = parts.Counts.Select(count => count.From).DefaultIfEmpty().Max();
        _indexCap = Math.Max(Math.Max(prefix, from), Math.Max(parts.MinItems, parts.MaxItems ?? 0));
    }

    /// <summary>Schemas of the item at an index.</summary>
    public static IEnumerable<Term> TermsAt(SchemaParts parts, int index)
    {
        foreach (ArrayPart part in parts.Arrays)
        {
            if (index < part.Prefix.Length)
            {
                yield return part.Prefix[index];
            }
            else if (part.Items is { } items)
            {
                yield return items;
            }
        }
    }

    /// <summary>
    /// Where items have to differ: all orders of their values as states if they are few, else marks for
    /// <see cref="UniqueSteps"/>.
    /// </summary>
    public Node Build()
    {
        if (_parts.UniqueItems && !(_parts.MaxItems <= 1))
        {
            if (DistinctValues() is { } values && TryBuild(values) is { } few)
            {
                return few;
            }

            return AreTooFew()
                ? Node.Never
                : new SchemaArrays(_compiler, _parts) { _hasMarks = true }.TryBuild(null)!;
        }

        return TryBuild(null)!;
    }

    private Node? TryBuild(List<JsonElement>? values)
    {
        if (_parts.Counts.Count > MaxCounts || _indexCap > MaxGraphStates)
        {
            throw _compiler.Error(
                $"contains: more than {MaxGraphStates} items, or {MaxCounts} at once, are not supported");
        }

        Node comma = Node.Seq(Node.Text(","), _compiler.Space);
        State(0, new int[_parts.Counts.Count], 0);
        while (_todo.TryDequeue(out (int State, int Index, int[] Counts, ulong Used) at))
        {
            if (_states.Count > MaxGraphStates)
            {
                return values is not null
                    ? null
                    : throw _compiler.Error($"contains needs more than {MaxGraphStates} states of an array");
            }

            if (at.Index >= _parts.MinItems && Satisfied(at.Counts))
            {
                _finals.Add(at.State);
            }

            if (at.Index == _parts.MaxItems)
            {
                continue;
            }

            Node before = at.State == 0 ? Node.Empty : comma;
            if (values is not null)
            {
                AddValues(at, values, before);
            }
            else
            {
                AddItems(at, before);
            }
        }

        return Node.Seq(
            Node.Text("["),
            MarkOf(StateMark.UniqueBegins),
            _compiler.Space,
            new Node.Graph(_states.Count, [.. _edges], [.. _finals]),
            Node.Text("]"));
    }

    private Node MarkOf(StateMark mark) => _hasMarks ? new Node.Marked(mark) : Node.Empty;

    private bool Satisfied(int[] counts) => !_parts.Counts.Where((count, i) => counts[i] < count.Min).Any();

    /// <summary>One edge for each way in which the next item may count.</summary>
    private void AddItems((int State, int Index, int[] Counts, ulong Used) at, Node before)
    {
        for (int counted = 0; counted < 1 << _parts.Counts.Count; counted++)
        {
            var terms = new List<Term>(TermsAt(_parts, at.Index));
            int[] counts = [.. at.Counts];
            bool fits = true;
            for (int i = 0; i < counts.Length; i++)
            {
                ArrayCount count = _parts.Counts[i];
                bool counts1 = (counted >> i & 1) != 0;
                if (counts1)
                {
                    fits &= at.Index >= count.From && !(count.Max is int max && counts[i] >= max);
                    counts[i] = count.Max is null ? Math.Min(counts[i] + 1, count.Min) : counts[i] + 1;
                    terms.Add(count.Item);
                }
                else if (count.Max is not null && at.Index >= count.From)
                {
                    terms.Add(count.Item.Not());
                }
            }

            if (fits)
            {
                AddEdge(at.State, before, _compiler.SchemaOf(terms), State(at.Index + 1, counts, 0));
            }
        }
    }

    private void AddValues((int State, int Index, int[] Counts, ulong Used) at, List<JsonElement> values, Node before)
    {
        Term[] here = [.. TermsAt(_parts, at.Index)];
        for (int v = 0; v < values.Count; v++)
        {
            if ((at.Used >> v & 1) != 0 || !here.All(term => _compiler.Judge.Holds(term, values[v])))
            {
                continue;
            }

            int[] counts = [.. at.Counts];
            bool fits = true;
            for (int i = 0; i < counts.Length; i++)
            {
                ArrayCount count = _parts.Counts[i];
                if (at.Index >= count.From && _compiler.Judge.Holds(count.Item, values[v]))
                {
                    fits &= !(count.Max is int max && counts[i] >= max);
                    counts[i] = count.Max is null ? Math.Min(counts[i] + 1, count.Min) : counts[i] + 1;
                }
            }

            if (fits)
            {
                int to = State(at.Index + 1, counts, at.Used | (1UL << v));
                AddEdge(at.State, before, JsonNodes.Value(values[v]), to);
            }
        }
    }

    private void AddEdge(int from, Node before, Node item, int to) =>
        _edges.Add(new GraphEdge(from, Node.Seq(before, item, MarkOf(StateMark.ItemEnds), _compiler.Space), to));

    private int State(int index, int[] counts, ulong used)
    {
        // The index matters up to the last bound, and the first item has no comma before it.
        index = Math.Min(index, Math.Max(_indexCap, 1));
        string key = $"{index} {string.Join(',', counts)} {used}";
        if (!_states.TryGetValue(key, out int state))
        {
            state = _states.Count;
            _states.Add(key, state);
            _todo.Enqueue((state, index, counts, used));
        }

        return state;
    }

    /// <summary>The values that items can have at all, each once; null if they are many.</summary>
    private List<JsonElement>? DistinctValues()
    {
        var values = new List<JsonElement>();
        int places = _parts.Arrays.Select(part => part.Prefix.Length).DefaultIfEmpty().Max() + 1;
        for (int i = 0; i < Math.Min(places, _parts.MaxItems ?? int.MaxValue); i++)
        {
            Term[] terms = [.. TermsAt(_parts, i)];
            if (terms.Any(term => term.IsFalse))
            {
                break;
            }

            if (_compiler.ValuesOf(terms) is not { } here)
            {
                return null;
            }

            values.AddRange(here.Where(value => !values.Exists(known => SchemaValues.Same(known, value))));
        }

        return values.Count <= MaxValues ? values : null;
    }

    /// <summary>More items of one kind are needed than there are values of it.</summary>
    private bool AreTooFew()
    {
        var count = new SchemaCount(_compiler);
        int places = _parts.Arrays.Select(part => part.Prefix.Length).DefaultIfEmpty().Max();
        return Enumerable.Range(0, Math.Min(places, _parts.MinItems))
            .Select(i => (Terms: TermsAt(_parts, i).ToArray(), Items: 1))
            .Append((Terms: [.. TermsAt(_parts, places)], Items: Math.Max(0, _parts.MinItems - places)))
            .GroupBy(place => string.Join('\0', place.Terms.Select(term => term.Key)))
            .Any(kind => kind.Sum(place => place.Items) is > 0 and var items && items > count.Of(kind.First().Terms));
    }
}
