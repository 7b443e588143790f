using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Engine.Tests.Grammar;

/// <summary>JSON Schema as its specification says it, keyword by keyword; no code in common with core.</summary>
internal static class ReferenceValidator
{
    public static bool IsValid(JsonNode schema, JsonNode? value) => IsValid(schema, value, []);

    /// <param name="schema">An object or a truth value.</param>
    /// <param name="value">The value; null is JSON's null.</param>
    /// <param name="seen">Takes the names of members that the schema spoke of.</param>
    private static bool IsValid(JsonNode schema, JsonNode? value, HashSet<string> seen)
    {
        if (schema is JsonValue constant)
        {
            return constant.GetValue<bool>();
        }

        var keywords = (JsonObject)schema;
        return keywords.All(item => item.Key is "if" or "then" or "else" or "unevaluatedProperties"
                || Holds(item.Key, item.Value!, keywords, value, seen))
            && HoldsIf(keywords, value, seen)
            && HoldsUnevaluated(keywords, value, seen);
    }

    private static bool Holds(string name, JsonNode k, JsonObject all, JsonNode? value, HashSet<string> seen)
    {
        switch (name)
        {
            case "type":
                return (k is JsonArray types ? types.Select(t => (string)t!) : [(string)k!])
                    .Any(t => HasType(t, value));
            case "enum":
                return k.AsArray().Any(one => JsonNode.DeepEquals(one, value));
            case "const":
                return JsonNode.DeepEquals(k, value);
            case "allOf":
                return k.AsArray().All(one => Try(one!, value, seen));
            case "anyOf":
                // Every option is tried: each that holds has seen members.
                bool[] each = [.. k.AsArray().Select(one => Try(one!, value, seen))];
                return each.Contains(true);
            case "oneOf":
                return k.AsArray().Count(one => Try(one!, value, seen)) == 1;
            case "not":
                return !IsValid(k, value, []);
            default:
                return value switch
                {
                    JsonObject members => HoldsObject(name, k, all, members, seen),
                    JsonArray items => HoldsArray(name, k, all, items),
                    JsonValue one when one.TryGetValue(out string? text) => HoldsText(name, k, text),
                    JsonValue one when one.TryGetValue(out decimal number) => HoldsNumber(name, k, number),
                    _ => true,
                };
        }
    }

    private static bool Try(JsonNode schema, JsonNode? value, HashSet<string> seen)
    {
        HashSet<string> own = [];
        bool holds = IsValid(schema, value, own);
        if (holds)
        {
            seen.UnionWith(own);
        }

        return holds;
    }

    private static bool HoldsIf(JsonObject all, JsonNode? value, HashSet<string> seen)
    {
        if (!all.TryGetPropertyValue("if", out JsonNode? condition))
        {
            return true;
        }

        string branch = Try(condition!, value, seen) ? "then" : "else";
        return !all.TryGetPropertyValue(branch, out JsonNode? then) || Try(then!, value, seen);
    }

    private static bool HoldsUnevaluated(JsonObject all, JsonNode? value, HashSet<string> seen)
    {
        if (!all.TryGetPropertyValue("unevaluatedProperties", out JsonNode? rest) || value is not JsonObject members)
        {
            return true;
        }

        bool holds = members.Where(item => !seen.Contains(item.Key)).All(item => IsValid(rest!, item.Value));
        seen.UnionWith(members.Select(item => item.Key));
        return holds;
    }

    private static bool HasType(string type, JsonNode? value) => type switch
    {
        "null" => value is null,
        "boolean" => value is JsonValue v && v.TryGetValue(out bool _),
        "number" => value is JsonValue v && v.TryGetValue(out decimal _),
        "integer" => value is JsonValue v && v.TryGetValue(out decimal n) && n == decimal.Truncate(n),
        "string" => value is JsonValue v && v.TryGetValue(out string? _),
        "array" => value is JsonArray,
        _ => value is JsonObject,
    };

    private static bool HoldsNumber(string name, JsonNode k, decimal value) => name switch
    {
        "minimum" => value >= (decimal)k,
        "exclusiveMinimum" => value > (decimal)k,
        "maximum" => value <= (decimal)k,
        "exclusiveMaximum" => value < (decimal)k,
        "multipleOf" => value % (decimal)k == 0,
        _ => true,
    };

    private static bool HoldsText(string name, JsonNode k, string value) => name switch
    {
        "minLength" => value.Length >= (int)k,
        "maxLength" => value.Length <= (int)k,
        "pattern" => Regex.IsMatch(value, (string)k!),
        _ => true,
    };

    private static bool HoldsArray(string name, JsonNode k, JsonObject all, JsonArray items)
    {
        int prefix = all.TryGetPropertyValue("prefixItems", out JsonNode? first) ? first!.AsArray().Count : 0;
        switch (name)
        {
            case "uniqueItems":
                return !(bool)k
                    || !items.Where((item, i) => items.Take(i).Any(x => JsonNode.DeepEquals(x, item))).Any();
            case "minItems":
                return items.Count >= (int)k;
            case "maxItems":
                return items.Count <= (int)k;
            case "prefixItems":
                return items.Zip(k.AsArray()).All(pair => IsValid(pair.Second!, pair.First));
            case "items":
                return items.Skip(prefix).All(item => IsValid(k, item));
            case "contains":
                int found = items.Count(item => IsValid(k, item));
                return found >= ((int?)all["minContains"] ?? 1) && found <= ((int?)all["maxContains"] ?? int.MaxValue);
            default:
                return true;
        }
    }

    private static bool HoldsObject(string name, JsonNode k, JsonObject all, JsonObject members, HashSet<string> seen)
    {
        switch (name)
        {
            case "required":
                return k.AsArray().All(key => members.ContainsKey((string)key!));
            case "minProperties":
                return members.Count >= (int)k;
            case "maxProperties":
                return members.Count <= (int)k;
            case "propertyNames":
                return members.All(item => IsValid(k, JsonValue.Create(item.Key)));
            case "properties":
                seen.UnionWith(k.AsObject().Select(item => item.Key).Where(members.ContainsKey));
                return k.AsObject().All(item =>
                    !members.ContainsKey(item.Key) || IsValid(item.Value!, members[item.Key]));
            case "patternProperties":
                seen.UnionWith(members.Select(item => item.Key).Where(
                    key => k.AsObject().Any(item => Regex.IsMatch(key, item.Key))));
                return members.All(member => k.AsObject().All(
                    item => !Regex.IsMatch(member.Key, item.Key) || IsValid(item.Value!, member.Value)));
            case "additionalProperties":
                JsonNode empty = new JsonObject();
                seen.UnionWith(members.Select(item => item.Key));
                return members.All(member => (all["properties"] ?? empty).AsObject().ContainsKey(member.Key)
                    || (all["patternProperties"] ?? empty).AsObject().Any(item => Regex.IsMatch(member.Key, item.Key))
                    || IsValid(k, member.Value));
            case "dependentRequired":
                return k.AsObject().All(item => !members.ContainsKey(item.Key)
                    || item.Value!.AsArray().All(key => members.ContainsKey((string)key!)));
            case "dependentSchemas":
                return k.AsObject().All(item => !members.ContainsKey(item.Key) || Try(item.Value!, members, seen));
            default:
                return true;
        }
    }
}
