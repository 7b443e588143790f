namespace Engine.Grammar;

/// <summary>White space between JSON's tokens, as a request wants it.</summary>
internal static class JsonSpace
{
    private const string Field = "whitespace_pattern";

    /// <summary>What may stand between tokens.</summary>
    /// <param name="isNone">Nothing may.</param>
    /// <param name="pattern">A regular expression of white space alone; null is any.</param>
    /// <param name="limits">How large it may become.</param>
    /// <exception cref="EngineException">InvalidArgument: no such expression, or it has other texts.</exception>
    public static Node Of(bool isNone, string? pattern, GrammarLimits limits)
    {
        if (isNone || pattern is null)
        {
            return isNone ? Node.Empty : JsonNodes.Space;
        }

        Node space = RegexParser.Parse(pattern, Field, limits);
        var texts = Dfa.Of(space, Field, limits);
        if (texts.IsEmpty || !texts.Minus(Dfa.Of(JsonNodes.Space, Field, limits), Field).IsEmpty)
        {
            throw EngineException.Invalid(Field, "must match white space of JSON alone: space, \\t, \\n, \\r");
        }

        return space;
    }
}
