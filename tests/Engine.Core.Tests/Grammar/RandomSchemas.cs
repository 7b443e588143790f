using System.Text.Json.Nodes;

namespace Engine.Tests.Grammar;

/// <summary>Schemas and values of a small world, in which they often meet.</summary>
internal sealed class RandomSchemas
{
    private static readonly string[] Names = ["a", "b", "ab", "c"];
    private static readonly string[] Patterns = ["^a", "b", "^.$", "[ab]c?$"];
    private static readonly string[] Types = ["null", "boolean", "integer", "number", "string", "array", "object"];

    private readonly Random _random;

    public RandomSchemas(int seed) => _random = new Random(seed);

    public JsonNode Schema(int depth)
    {
        if (_random.Next(12) == 0)
        {
            return JsonValue.Create(_random.Next(4) > 0);
        }

        var schema = new JsonObject();
        for (int i = _random.Next(depth > 0 ? 4 : 3); i >= 0; i--)
        {
            (string name, JsonNode value) = Keyword(depth);
            schema[name] = value;
        }

        return schema;
    }

    public JsonNode? Value(int depth) => _random.Next(depth > 0 ? 8 : 6) switch
    {
        0 => null,
        1 => JsonValue.Create(_random.Next(2) == 0),
        2 => JsonNode.Parse(_random.Next(-3, 8).ToString(System.Globalization.CultureInfo.InvariantCulture)),
        3 => JsonNode.Parse(Pick("0.5", "1.5", "-0.5", "2.25")),
        4 or 5 => JsonValue.Create(Pick("", "a", "b", "ab", "abc", "c", "ba")),
        6 => new JsonArray([.. Enumerable.Range(0, _random.Next(4)).Select(_ => Value(depth - 1))]),
        _ => new JsonObject(Names.Where(_ => _random.Next(2) == 0)
            .Select(name => new KeyValuePair<string, JsonNode?>(name, Value(depth - 1)))),
    };

    private (string Name, JsonNode Value) Keyword(int depth)
    {
        int kind = _random.Next(depth > 0 ? 38 : 14);
        return kind switch
        {
            0 or 1 => ("type", JsonValue.Create(Pick(Types))),
            2 => ("type", new JsonArray(Pick(Types), Pick(Types))),
            3 => ("enum", new JsonArray(Value(1), Value(1), Value(0))),
            4 => ("const", Value(1) ?? JsonValue.Create(0)),
            5 => (Pick("minimum", "exclusiveMinimum"), JsonValue.Create(_random.Next(-2, 3))),
            6 => (Pick("maximum", "exclusiveMaximum"), JsonNode.Parse(Pick("1", "2.5", "4"))!),
            7 => ("multipleOf", JsonNode.Parse(Pick("2", "0.5", "1", "3"))!),
            8 => ("minLength", JsonValue.Create(_random.Next(3))),
            9 => ("maxLength", JsonValue.Create(_random.Next(3))),
            10 => ("pattern", JsonValue.Create(Pick(Patterns))),
            11 => ("required", new JsonArray(Pick(Names))),
            12 => (Pick("minItems", "minProperties"), JsonValue.Create(_random.Next(3))),
            13 => (Pick("maxItems", "maxProperties"), JsonValue.Create(_random.Next(4))),
            14 or 15 or 16 => ("properties", Named(depth, Names)),
            17 => ("patternProperties", Named(depth, Patterns)),
            18 or 19 => ("additionalProperties", Schema(depth - 1)),
            20 => ("propertyNames", new JsonObject { ["pattern"] = Pick(Patterns) }),
            21 => ("dependentRequired", new JsonObject { [Pick(Names)] = new JsonArray(Pick(Names)) }),
            22 => ("dependentSchemas", Named(depth, Names)),
            23 or 24 => ("items", Schema(depth - 1)),
            25 => ("prefixItems", new JsonArray(Schema(depth - 1), Schema(depth - 1))),
            26 => ("contains", Schema(depth - 1)),
            27 => ("maxContains", JsonValue.Create(_random.Next(1, 3))),
            28 => ("not", Schema(depth - 1)),
            29 => ("if", Schema(depth - 1)),
            30 => (Pick("then", "else"), Schema(depth - 1)),
            31 => ("unevaluatedProperties", Schema(depth - 1)),
            32 => ("allOf", new JsonArray(Schema(depth - 1), Schema(depth - 1))),
            34 or 35 => ("uniqueItems", JsonValue.Create(true)),
            33 => ("anyOf", new JsonArray(Schema(depth - 1), Schema(depth - 1))),
            _ => ("oneOf", new JsonArray(Schema(depth - 1), Schema(depth - 1), Schema(depth - 1))),
        };
    }

    private JsonObject Named(int depth, string[] names) => new(Enumerable.Range(0, 2)
        .Select(_ => Pick(names))
        .Distinct()
        .Select(name => new KeyValuePair<string, JsonNode?>(name, Schema(depth - 1))));

    private T Pick<T>(params T[] options) => options[_random.Next(options.Length)];
}
