namespace Engine.Grammar;

/// <summary>What a conjunction of schemas says of objects, as a node.</summary>
internal sealed class SchemaObjects
{
    private const int MaxGraphStates = 4096;
    private const int MaxKinds = 8;

    private readonly SchemaCompiler _compiler;
    private readonly SchemaParts _parts;
    private readonly string[] _names;
    private readonly Dfa? _keys;
    private readonly List<GraphEdge> _edges = [];
    private readonly Dictionary<(int Index, int Count, int Seen, bool First), int> _states = [];
    private readonly Queue<((int Index, int Count, int Seen, bool First) At, int State)> _todo = new();

    public SchemaObjects(SchemaCompiler compiler, SchemaParts parts)
    {
        _compiler = compiler;
        _parts = parts;
        _names = [.. parts.Objects.SelectMany(part => part.Properties.Keys).Concat(parts.Required).Distinct()];
        _keys = parts.KeyTerms.Count == 0 ? null : compiler.StringsOf(parts.KeyTerms);
    }

    public Node Build()
    {
        HashSet<string> required = [.. _parts.Required];
        Kind[] others = [.. Others()];
        bool allNamed = others.Length == 0 && _parts.MaxProperties >= _names.Length;
        if (_parts.MinProperties == 0 && (_parts.MaxProperties is null || allNamed) && _parts.Exists.Count == 0)
        {
            return _compiler.Members(
                [.. _names.Select(name => (NamedMember(name, []), required.Contains(name)))],
                others.Length == 0 ? null : Node.Any(others.Select(kind => OtherMember(kind, 0))));
        }

        return Counted(required, others);
    }

    private Node NamedMember(string name, IEnumerable<Term> more)
    {
        Node value = _keys is null || _keys.Accepts(name)
            ? _compiler.SchemaOf(SchemasOf(name).Concat(more))
            : Node.Never;
        return _compiler.Member(JsonNodes.String(name), value);
    }

    /// <summary>A member whose key is not named.</summary>
    /// <param name="kind">Which keys.</param>
    /// <param name="seen">Bits of what it is the instance of.</param>
    private Node OtherMember(Kind kind, int seen)
    {
        IEnumerable<Term> more = kind.Exists.Where(e => (seen >> e & 1) != 0)
            .Select(e => _parts.Exists[e].Value).OfType<Term>();
        return _compiler.Member(kind.Key, _compiler.SchemaOf(kind.Terms.Concat(more)));
    }

    /// <summary>Every schema that the value of a key has to satisfy.</summary>
    public static IEnumerable<Term> TermsOf(SchemaParts parts, string name, Func<string, string, bool> matches)
    {
        foreach (ObjectPart part in parts.Objects)
        {
            bool known = part.Properties.TryGetValue(name, out Term? schema);
            if (known)
            {
                yield return schema!;
            }

            foreach ((string pattern, Term matched) in part.Patterns)
            {
                if (matches(pattern, name))
                {
                    known = true;
                    yield return matched;
                }
            }

            if (!known && part.Additional is { } additional)
            {
                yield return additional;
            }
        }
    }

    private IEnumerable<Term> SchemasOf(string name) => TermsOf(
        _parts, name, (pattern, text) => _compiler.Strings.PatternTexts(pattern).Accepts(text));

    /// <summary>The kinds of keys that are not named, told apart by the patterns that they match.</summary>
    private List<Kind> Others()
    {
        if (_parts.Objects.Exists(part => part.Patterns.Count == 0 && part.Additional is { IsFalse: true }))
        {
            return [];
        }

        string[] patterns =
            [.. _parts.Objects.SelectMany(part => part.Patterns).Select(item => item.Pattern).Distinct()];
        if (patterns.Length + _parts.Exists.Count > MaxKinds)
        {
            throw _compiler.Error($"patternProperties: more than {MaxKinds} patterns at once are not supported");
        }

        if (patterns.Length + _parts.Exists.Count + _names.Length == 0 && _keys is null)
        {
            return [new Kind(JsonNodes.AnyString, [.. TermsWith([])], [])];
        }

        Dfa all = _keys ?? _compiler.Strings.AllTexts();
        if (_names.Length > 0)
        {
            all = _compiler.Without(all, _compiler.Strings.Texts(_names));
        }

        var kinds = new List<Kind>();
        Split(all, patterns, [], 0, [], kinds);
        return kinds;
    }

    private void Split(
        Dfa keys, string[] patterns, string[] matched, int depth, int[] exists, List<Kind> kinds)
    {
        if (keys.IsEmpty)
        {
            return;
        }

        if (depth < patterns.Length)
        {
            Dfa texts = _compiler.Strings.PatternTexts(patterns[depth]);
            Split(_compiler.Both(keys, texts), patterns, [.. matched, patterns[depth]], depth + 1, exists, kinds);
            Split(_compiler.Without(keys, texts), patterns, matched, depth + 1, exists, kinds);
            return;
        }

        int next = depth - patterns.Length;
        if (next < _parts.Exists.Count)
        {
            Dfa texts = KeysOf(_parts.Exists[next]);
            Split(_compiler.Both(keys, texts), patterns, matched, depth + 1, [.. exists, next], kinds);
            Split(_compiler.Without(keys, texts), patterns, matched, depth + 1, exists, kinds);
            return;
        }

        Term[] terms = [.. TermsWith(matched)];
        if (!terms.Any(term => term.IsFalse))
        {
            kinds.Add(new Kind(_compiler.KeyOf(keys), terms, exists));
        }
    }

    private IEnumerable<Term> TermsWith(string[] matched)
    {
        foreach (ObjectPart part in _parts.Objects)
        {
            bool known = false;
            foreach ((string pattern, Term schema) in part.Patterns.Where(item => matched.Contains(item.Pattern)))
            {
                known = true;
                yield return schema;
            }

            if (!known && part.Additional is { } additional)
            {
                yield return additional;
            }
        }
    }

    private Dfa KeysOf(ObjectExists exists)
    {
        Dfa keys = exists.Key is null ? _compiler.Strings.AllTexts() : _compiler.StringsOf([exists.Key]);
        keys = exists.Pattern is null ? keys : _compiler.Both(keys, _compiler.Strings.PatternTexts(exists.Pattern));
        foreach (string pattern in exists.NotPatterns)
        {
            keys = _compiler.Without(keys, _compiler.Strings.PatternTexts(pattern));
        }

        return exists.NotNames.Count == 0 ? keys : _compiler.Without(keys, _compiler.Strings.Texts(exists.NotNames));
    }

    /// <summary>An object whose members are counted, or one of which has to be of a kind.</summary>
    private Node.Graph Counted(HashSet<string> required, Kind[] others)
    {
        int all = (1 << _parts.Exists.Count) - 1;
        int[][] named = [.. _names.Select(name => Enumerable.Range(0, _parts.Exists.Count)
            .Where(e => KeysOf(_parts.Exists[e]).Accepts(name)).ToArray())];
        Node[][] members = [.. _names.Select((name, i) => Subsets(named[i]).Select(seen => (Node)_compiler.Rule(
            NamedMember(name, named[i].Where(e => (seen >> e & 1) != 0)
                .Select(e => _parts.Exists[e].Value).OfType<Term>()))).ToArray())];
        Node[][] rest = [.. others.Select(kind => Subsets(kind.Exists).Select(seen =>
            (Node)_compiler.Rule(OtherMember(kind, seen))).ToArray())];
        int end = State((-1, 0, 0, false));
        int start = State((0, 0, 0, true));
        while (_todo.TryDequeue(out ((int Index, int Count, int Seen, bool First) At, int State) item))
        {
            (int index, int count, int seen, bool first) = item.At;
            if (index < 0)
            {
                continue;
            }

            if (index < _names.Length)
            {
                if (!required.Contains(_names[index]))
                {
                    _edges.Add(new GraphEdge(item.State, Node.Empty, State((index + 1, count, seen, first))));
                }

                Take(item.State, item.At, index + 1, named[index], members[index]);
                continue;
            }

            if (count >= _parts.MinProperties && seen == all)
            {
                _edges.Add(new GraphEdge(item.State, Node.Text("}"), end));
            }

            for (int kind = 0; kind < others.Length; kind++)
            {
                Take(item.State, item.At, index, others[kind].Exists, rest[kind]);
            }
        }

        // The graph begins in its state 0, which is the end here: both are told apart by an edge of its own.
        Node open = Node.Seq(Node.Text("{"), _compiler.Space);
        return new Node.Graph(
            _states.Count + 1,
            [new GraphEdge(0, open, start + 1), .. _edges.Select(e => new GraphEdge(e.From + 1, e.Via, e.To + 1))],
            [end + 1]);
    }

    private void Take(
        int from, (int Index, int Count, int Seen, bool First) at, int index, int[] exists, Node[] members)
    {
        if (_parts.MaxProperties is int max && at.Count >= max)
        {
            return;
        }

        int count = _parts.MaxProperties is null ? Math.Min(at.Count + 1, _parts.MinProperties) : at.Count + 1;
        Node comma = at.First ? Node.Empty : Node.Seq(Node.Text(","), _compiler.Space);
        int i = 0;
        foreach (int seen in Subsets(exists))
        {
            _edges.Add(new GraphEdge(
                from, Node.Seq(comma, members[i++]), State((index, count, at.Seen | seen, false))));
        }
    }

    private int State((int Index, int Count, int Seen, bool First) at)
    {
        if (!_states.TryGetValue(at, out int state))
        {
            if (_states.Count >= MaxGraphStates)
            {
                throw _compiler.Error(
                    $"minProperties, maxProperties or not needs more than {MaxGraphStates} states of an object");
            }

            state = _states.Count;
            _states.Add(at, state);
            _todo.Enqueue((at, state));
        }

        return state;
    }

    /// <summary>Every set of some bits, the empty one first.</summary>
    private static IEnumerable<int> Subsets(int[] bits)
    {
        for (int chosen = 0; chosen < 1 << bits.Length; chosen++)
        {
            yield return bits.Where((_, i) => (chosen >> i & 1) != 0).Sum(bit => 1 << bit);
        }
    }

    /// <summary>Keys that match the same patterns.</summary>
    private sealed record Kind(Node Key, Term[] Terms, int[] Exists);
}
