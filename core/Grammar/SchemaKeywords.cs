using System.Text.Json;

namespace Engine.Grammar;

/// <summary>Keywords' values, checked.</summary>
internal sealed partial class SchemaReader
{
    private JsonTypes ReadTypes(Term term, JsonElement value)
    {
        JsonTypes types = JsonTypes.None;
        JsonElement[] names = value.ValueKind == JsonValueKind.Array
            ? [.. Values(term, "type", value)]
            : [value];
        foreach (JsonElement name in names)
        {
            types |= Text(term, "type", name) switch
            {
                "null" => JsonTypes.Null,
                "boolean" => JsonTypes.Boolean,
                "integer" => JsonTypes.Integer,
                "number" => JsonTypes.Number,
                "string" => JsonTypes.String,
                "array" => JsonTypes.Array,
                "object" => JsonTypes.Object,
                string other => throw Error(term, $"there is no type {other}"),
            };
        }

        return types;
    }

    /// <summary>A list of schemas.</summary>
    private IEnumerable<Term> List(Term term, string name, JsonElement value) =>
        Values(term, name, value).Select((schema, i) => term.Child(schema, name, i));

    private List<JsonElement> Values(Term term, string name, JsonElement value) =>
        value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0
            ? [.. value.EnumerateArray()]
            : throw Error(term, $"{name} is not a list with an entry");

    private string[] Names(Term term, string name, JsonElement value) =>
        value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(item => Text(term, name, item))]
            : throw Error(term, $"{name} is not a list");

    private JsonElement.ObjectEnumerator Members(Term term, string name, JsonElement value) =>
        value.ValueKind == JsonValueKind.Object
            ? value.EnumerateObject()
            : throw Error(term, $"{name} is not an object");

    private string Text(Term term, string name, JsonElement value) => value.ValueKind == JsonValueKind.String
        ? value.GetString()!
        : throw Error(term, $"{name} is not a string");

    private bool Flag(Term term, string name, JsonElement value) =>
        value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.ValueKind == JsonValueKind.True
            : throw Error(term, $"{name} is not a truth value");

    private decimal Number(Term term, string name, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out decimal number)
            ? number
            : throw Error(term, $"{name} is not a number of at most 28 digits");

    private decimal Divisor(Term term, JsonElement value)
    {
        decimal number = Number(term, "multipleOf", value);
        return number > 0 ? number : throw Error(term, "multipleOf is not above 0");
    }

    private int Count(Term term, string name, JsonElement value)
    {
        decimal number = Number(term, name, value);
        return number >= 0 && number == decimal.Truncate(number) && number < int.MaxValue
            ? (int)number
            : throw Error(term, $"{name} is not a count");
    }

    private EngineException Error(Term term, string message) =>
        EngineException.Invalid(_field, $"{term.Path}: {message}");
}
