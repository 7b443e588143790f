using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace Engine.Grammar;

/// <summary>What a conjunction of schemas says of numbers. With limits they are written without exponents.</summary>
internal sealed class SchemaNumbers
{
    // Remainders that are told apart.
    private const int MaxDivisor = 2000;

    private static readonly Node Digit = Node.Chars(CharSet.Digits);

    private static readonly Node Decimal = Node.Seq(
        JsonNodes.Integer, Node.Optional(Node.Seq(Node.Text("."), Node.Times(Digit, 1, -1))));

    private static readonly Node Fraction = Node.Seq(
        JsonNodes.Integer, Node.Text("."), Node.Star(Digit), Node.Chars(CharSet.Of(('1', '9'))), Node.Star(Digit));

    private readonly string _field;
    private readonly GrammarLimits _limits;

    public SchemaNumbers(string field, GrammarLimits limits)
    {
        _field = field;
        _limits = limits;
    }

    public Node Build(SchemaParts parts)
    {
        JsonTypes types = parts.Types & JsonTypes.Number;
        bool hasRange = parts.Minimum is not null || parts.Maximum is not null;
        JsonElement[] excluded = [.. parts.NotValues.Where(value => value.ValueKind == JsonValueKind.Number)];
        if (parts.Multiples.Count == 0 && excluded.Length == 0 && (!hasRange || types != JsonTypes.Fraction))
        {
            return types switch
            {
                JsonTypes.Integer => hasRange ? Integers(parts) : JsonNodes.Integer,
                JsonTypes.Fraction => Fraction,
                _ => hasRange ? Decimals(parts) : JsonNodes.Number,
            };
        }

        Dfa numbers = Of(types switch
        {
            JsonTypes.Integer => JsonNodes.Integer,
            JsonTypes.Fraction => Fraction,
            _ => Decimal,
        });
        if (hasRange)
        {
            numbers = numbers.And(Of(types == JsonTypes.Integer ? Integers(parts) : Decimals(parts)), _field);
        }

        foreach ((decimal divisor, bool isNot) in parts.Multiples.Distinct())
        {
            Dfa multiples = Multiples(divisor);
            numbers = isNot ? numbers.Minus(multiples, _field) : numbers.And(multiples, _field);
        }

        foreach (JsonElement value in excluded)
        {
            numbers = numbers.Minus(Of(Spellings(value)), _field);
        }

        return numbers.ToNode();
    }

    private Dfa Of(Node node) => Dfa.Of(node, _field, _limits);

    private static Node Decimals(SchemaParts parts) => NumberRange.Decimals(
        parts.Minimum, parts.MinimumExcluded, parts.Maximum, parts.MaximumExcluded);

    private static Node Integers(SchemaParts parts)
    {
        decimal? min = parts.Minimum is decimal low ? decimal.Ceiling(low) : null;
        decimal? max = parts.Maximum is decimal high ? decimal.Floor(high) : null;
        min += parts.MinimumExcluded && min == parts.Minimum ? 1 : 0;
        max -= parts.MaximumExcluded && max == parts.Maximum ? 1 : 0;
        return NumberRange.Integers(min, max);
    }

    /// <summary>Every way to write a value without an exponent.</summary>
    private Node Spellings(JsonElement value)
    {
        if (!value.TryGetDecimal(out decimal number))
        {
            throw EngineException.Invalid(_field, $"{value.GetRawText()} is not a number of at most 28 digits");
        }

        string text = number.ToString(CultureInfo.InvariantCulture);
        string[] sides = text.TrimStart('-').Split('.');
        string fraction = sides.Length > 1 ? sides[1].TrimEnd('0') : "";
        Node zeros = Node.Star(Node.Text("0"));
        return Node.Seq(
            number == 0 ? Node.Optional(Node.Text("-")) : Node.Text(number < 0 ? "-" : ""),
            Node.Text(sides[0]),
            fraction.Length > 0
                ? Node.Seq(Node.Text("." + fraction), zeros)
                : Node.Optional(Node.Seq(Node.Text(".0"), zeros)));
    }

    /// <summary>
    /// Texts of digits whose value is a multiple: the remainder is carried along, or the least one that means the same.
    /// </summary>
    private Dfa Multiples(decimal divisor)
    {
        // divisor = unit / 10^scale.
        int scale = 0;
        decimal unit = divisor;
        while (unit != decimal.Truncate(unit) && scale < 28)
        {
            unit *= 10;
            scale++;
        }

        // Of the zeros at its end, all that counts is how many zeros the digits so far end in.
        int zeros = 0;
        decimal rest = unit;
        while (rest % 10 == 0)
        {
            rest /= 10;
            zeros++;
        }

        if (rest > MaxDivisor || unit > int.MaxValue)
        {
            throw EngineException.Invalid(
                _field,
                $"multipleOf {divisor.ToString(CultureInfo.InvariantCulture)} needs more than {MaxDivisor} remainders");
        }

        int modulus = (int)unit;
        int Known(long remainder)
        {
            long part = modulus;
            for (int i = 0; i <= zeros; i++, part /= 10)
            {
                if (remainder % part == 0)
                {
                    return part == modulus ? 0 : (int)part;
                }
            }

            return (int)(remainder % (long)rest);
        }

        // Digits behind the point so far; -1 is before it. More of them than scale must be zeros.
        return Dfa.Build(
            (Remainder: 0, Behind: -1),
            state => state.Remainder * BigInteger.Pow(10, scale - Math.Max(state.Behind, 0)) % modulus == 0,
            (state, value) => (char)value switch
            {
                '-' when state.Behind < 0 => state,
                '.' when state.Behind < 0 => (state.Remainder, 0),
                '0' when state.Behind == scale => state,
                >= '0' and <= '9' when state.Behind < scale => (
                    Known(((10L * state.Remainder) + value - '0') % modulus),
                    state.Behind < 0 ? -1 : state.Behind + 1),
                _ => null,
            },
            _field);
    }
}
