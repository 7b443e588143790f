namespace Engine.Grammar;

/// <summary>Networks from the forms that requests use.</summary>
internal static class GrammarCompiler
{
    public static Network Gbnf(string text, GrammarLimits? limits = null) =>
        GbnfParser.Parse(text, "grammar", limits ?? GrammarLimits.Default);

    public static Network JsonSchema(string schema, GrammarLimits? limits = null, Node? space = null) =>
        SchemaCompiler.Compile(schema, "json", limits ?? GrammarLimits.Default, space);

    public static Network StructuralTag(string text, GrammarLimits? limits = null, Node? space = null) =>
        StructuralTagCompiler.Compile(text, "structural_tag", limits ?? GrammarLimits.Default, space);

    public static Network Regex(string pattern, GrammarLimits? limits = null)
    {
        limits ??= GrammarLimits.Default;
        return new NetworkBuilder("regex", limits).Build(RegexParser.Parse(pattern, "regex", limits));
    }

    public static Network Choice(IReadOnlyList<string> choices, GrammarLimits? limits = null)
    {
        if (choices.Count == 0)
        {
            throw EngineException.Invalid("choice", "must not be empty");
        }

        return new NetworkBuilder("choice", limits ?? GrammarLimits.Default)
            .Build(Node.Any(choices.Distinct().Select(Node.Text)));
    }
}
