using System.Text;
using Engine.Chat;
using Engine.Tokenization;

namespace Engine.Grammar;

/// <summary>What an output has to look like; exactly one is set. Names as in vLLM's structured_outputs.</summary>
public sealed record StructuredOutputs
{
    private const string Field = "structured_outputs";

    /// <summary>A JSON Schema, as text.</summary>
    public string? Json { get; init; }

    /// <summary>A regular expression that the whole output matches.</summary>
    public string? Regex { get; init; }

    /// <summary>The output is one of these.</summary>
    public IReadOnlyList<string>? Choice { get; init; }

    /// <summary>A grammar in GBNF.</summary>
    public string? Grammar { get; init; }

    /// <summary>
    /// Free text with constrained stretches, as JSON: vLLM's structural_tag, {structures, triggers} or {format}.
    /// </summary>
    public string? StructuralTag { get; init; }

    /// <summary>Any JSON object.</summary>
    public bool JsonObject { get; init; }

    /// <summary>No white space between the tokens of JSON, in place of any.</summary>
    public bool DisableAnyWhitespace { get; init; }

    /// <summary>
    /// A regular expression of what stands between the tokens of JSON, where something may: white space alone.
    /// </summary>
    public string? WhitespacePattern { get; init; }

    /// <summary>
    /// Objects of Json take no members but those that the schema names, where it does not speak of others.
    /// </summary>
    public bool DisableAdditionalProperties { get; init; }

    /// <summary>
    /// A name of ChatParsers.ReasoningParsers: the output begins with a thought in that format, which is free, and what
    /// comes after it has to look as said.
    /// </summary>
    public string? AfterReasoning { get; init; }

    /// <summary>With AfterReasoning: a thought comes only if the output opens one.</summary>
    public bool ReasoningIsOptional { get; init; }

    /// <summary>Texts in a structural tag that special tokens may stand for.</summary>
    public IReadOnlyList<string>? SpecialTokens { get; init; }

    /// <inheritdoc/>
    public bool Equals(StructuredOutputs? other) =>
        other is not null && Json == other.Json && Regex == other.Regex && Grammar == other.Grammar
        && AfterReasoning == other.AfterReasoning && ReasoningIsOptional == other.ReasoningIsOptional
        && Same(SpecialTokens, other.SpecialTokens) && JsonObject == other.JsonObject
        && StructuralTag == other.StructuralTag && DisableAnyWhitespace == other.DisableAnyWhitespace
        && WhitespacePattern == other.WhitespacePattern
        && DisableAdditionalProperties == other.DisableAdditionalProperties
        && Same(Choice, other.Choice);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        HashCode.Combine(Json, Regex, Grammar, StructuralTag, JsonObject, Choice?.Count, AfterReasoning);

    /// <summary>Memory of the texts.</summary>
    internal long TextBytes => 200 + (2L * ((Json?.Length ?? 0) + (Regex?.Length ?? 0) + (Grammar?.Length ?? 0)
        + (StructuralTag?.Length ?? 0) + (Choice?.Sum(text => text.Length + 20L) ?? 0)));

    /// <summary>The network, made now or kept from an equal request.</summary>
    /// <exception cref="EngineException">InvalidArgument: not one kind, or not to be enforced.</exception>
    internal Network Compile(GrammarLimits limits, TokenTrie? vocabulary = null) =>
        GrammarCache.Shared.Get(this, vocabulary, () => CompileNow(limits));

    /// <summary>Special tokens of a vocabulary that count as the text they are spelled as.</summary>
    internal (int Id, byte[] Text)[] SpecialIds(ITokenizer tokenizer) =>
    [
        .. (SpecialTokens ?? []).Concat(AfterReasoning is null ? [] : ThoughtSyntax.SpecialTokens(AfterReasoning))
            .Distinct(StringComparer.Ordinal)
            .Select(text => (Id: tokenizer.TokenToId(text), Text: Encoding.UTF8.GetBytes(text)))
            .Where(special => special.Id >= 0),
    ];

    private static bool Same(IReadOnlyList<string>? a, IReadOnlyList<string>? b) =>
        a is null ? b is null : b is not null && a.SequenceEqual(b);

    private Network CompileNow(GrammarLimits limits)
    {
        int given = (Json is null ? 0 : 1) + (Regex is null ? 0 : 1) + (Choice is null ? 0 : 1)
            + (Grammar is null ? 0 : 1) + (StructuralTag is null ? 0 : 1) + (JsonObject ? 1 : 0);
        if (given != 1)
        {
            throw EngineException.Invalid(
                Field,
                $"exactly one of json, regex, choice, grammar, structural_tag and json_object is needed, found {given}");
        }

        try
        {
            Node space = JsonSpace.Of(DisableAnyWhitespace, WhitespacePattern, limits);
            string? schema = DisableAdditionalProperties && Json is not null
                ? ClosedObjects.Rewrite(Json, limits)
                : Json;
            return AfterReasoning is not null && ThoughtSyntax.StructuralTag(this with { Json = schema }) is { } tag
                    ? GrammarCompiler.StructuralTag(tag, limits, space)
                : schema is not null ? GrammarCompiler.JsonSchema(schema, limits, space)
                : Regex is not null ? GrammarCompiler.Regex(Regex, limits)
                : Choice is not null ? GrammarCompiler.Choice(Choice, limits)
                : Grammar is not null ? GrammarCompiler.Gbnf(Grammar, limits)
                : StructuralTag is not null ? GrammarCompiler.StructuralTag(StructuralTag, limits, space)
                : GrammarCompiler.JsonSchema("{\"type\":\"object\"}", limits, space);
        }
        catch (EngineException e)
        {
            throw new EngineException(e.Status, $"{Field}: {e.Message}", Field, e);
        }
    }

    private bool PrintMembers(StringBuilder builder)
    {
        builder.Append(Json is not null ? "json" : Regex is not null ? "regex" : Choice is not null ? "choice"
            : Grammar is not null ? "grammar" : StructuralTag is not null ? "structural_tag" : "json_object");
        return true;
    }
}
