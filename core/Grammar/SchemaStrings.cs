using System.Text.Json;

namespace Engine.Grammar;

/// <summary>What a conjunction of schemas says of strings.</summary>
internal sealed class SchemaStrings
{
    private readonly string _field;
    private readonly GrammarLimits _limits;
    private readonly Dictionary<string, Dfa> _known = [];

    public SchemaStrings(string field, GrammarLimits limits)
    {
        _field = field;
        _limits = limits;
    }

    /// <summary>Strings as JSON.</summary>
    /// <param name="parts">What they satisfy.</param>
    /// <param name="countedChar">One character in every spelling that can be counted.</param>
    /// <param name="anyEscape">One character that must be escaped.</param>
    public Node Build(SchemaParts parts, Node countedChar, Node anyEscape)
    {
        bool hasLength = parts.MinLength > 0 || parts.MaxLength is not null;
        bool excludes = parts.NotValues.Exists(value => value.ValueKind == JsonValueKind.String);
        int limits = parts.Patterns.Distinct().Count() + parts.Formats.Distinct().Count() + (hasLength ? 1 : 0);
        if (parts.MaxLength < parts.MinLength)
        {
            return Node.Never;
        }

        if (limits == 0 && !excludes)
        {
            return JsonNodes.AnyString;
        }

        bool negated = parts.Patterns.Exists(item => item.Negated) || parts.Formats.Exists(item => item.Negated);
        if (limits > 1 || negated || excludes)
        {
            return JsonNodes.Quoted(Language(parts).ToJson(anyEscape));
        }

        return JsonNodes.Quoted(
            parts.Patterns.Count > 0 ? JsonNodes.Escaped(Pattern(parts.Patterns[0].Text))
            : parts.Formats.Count > 0 ? JsonNodes.Escaped(Format(parts.Formats[0].Name))
            : Node.Times(countedChar, parts.MinLength, parts.MaxLength ?? -1));
    }

    /// <summary>The strings themselves.</summary>
    public Dfa Language(SchemaParts parts)
    {
        Dfa all = AllTexts();
        foreach ((string text, bool isNot) in parts.Patterns.Distinct())
        {
            all = Limit(all, PatternTexts(text), isNot);
        }

        foreach ((string name, bool isNot) in parts.Formats.Distinct())
        {
            all = Limit(all, FormatTexts(name), isNot);
        }

        if (parts.MinLength > 0 || parts.MaxLength is not null)
        {
            all = all.And(
                Dfa.Of(Node.Times(Node.Chars(CharSet.All), parts.MinLength, parts.MaxLength ?? -1), _field, _limits),
                _field);
        }

        string[] excluded = [.. parts.NotValues
            .Where(value => value.ValueKind == JsonValueKind.String).Select(value => value.GetString()!)];
        return excluded.Length == 0 ? all : all.Minus(Texts(excluded), _field);
    }

    public Dfa AllTexts() => Known("all", () => Node.Star(Node.Chars(CharSet.All)));

    /// <summary>Texts in which a pattern is found somewhere.</summary>
    public Dfa PatternTexts(string pattern) => Known("pattern " + pattern, () => Pattern(pattern));

    /// <summary>Texts of a format.</summary>
    public Dfa FormatTexts(string name) => Known("format " + name, () => Format(name));

    /// <summary>These texts alone.</summary>
    public Dfa Texts(IEnumerable<string> texts) => Dfa.Of(Node.Any(texts.Select(Node.Text)), _field, _limits);

    private Dfa Limit(Dfa texts, Dfa by, bool isNot) => isNot ? texts.Minus(by, _field) : texts.And(by, _field);

    private Dfa Known(string key, Func<Node> node)
    {
        if (!_known.TryGetValue(key, out Dfa? dfa))
        {
            dfa = Dfa.Of(node(), _field, _limits);
            _known.Add(key, dfa);
        }

        return dfa;
    }

    private Node Pattern(string text)
    {
        try
        {
            return RegexParser.Parse(text, _field, _limits, search: true);
        }
        catch (EngineException e)
        {
            throw new EngineException(e.Status, $"pattern \"{text}\": {e.Message}", _field, e);
        }
    }

    private Node Format(string name) => RegexParser.Parse(
        StringFormats.Pattern(name) ?? throw EngineException.Invalid(_field, $"format {name} is not supported"),
        _field,
        _limits);
}
