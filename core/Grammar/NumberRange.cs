using System.Globalization;

namespace Engine.Grammar;

/// <summary>Numbers between bounds, written without exponents.</summary>
internal static class NumberRange
{
    private static readonly Node Digit = Node.Chars(CharSet.Digits);

    /// <summary>Whole numbers from min to max, both included; null is no bound.</summary>
    public static Node Integers(decimal? min, decimal? max)
    {
        var options = new List<Node>();
        if (min is null or < 0)
        {
            decimal least = max is < 0 ? -max.Value : 1;
            options.Add(Node.Seq(Node.Text("-"), Whole(least, min is null ? null : -min)));
        }

        if (max is null or >= 0)
        {
            options.Add(Whole(min is > 0 ? min.Value : 0, max));
        }

        return Node.Any(options);
    }

    /// <summary>Decimal numbers between bounds.</summary>
    public static Node Decimals(decimal? min, bool minExcluded, decimal? max, bool maxExcluded)
    {
        if (min > max)
        {
            return Node.Never;
        }

        var options = new List<Node>();
        if (min is null or < 0)
        {
            // Mirrored: minus a number from -max (or 0) to -min.
            options.Add(Node.Seq(Node.Text("-"), Positive(
                max is < 0 ? -max : 0, max is < 0 ? maxExcluded : max is 0 && maxExcluded,
                min is null ? null : -min, minExcluded)));
        }

        if (max is null or >= 0)
        {
            options.Add(Positive(
                min is > 0 ? min : 0, min is >= 0 && minExcluded, max, maxExcluded));
        }

        return Node.Any(options);
    }

    /// <summary>Whole numbers from low (not negative) to high.</summary>
    private static Node Whole(decimal low, decimal? high)
    {
        if (high < low)
        {
            return Node.Never;
        }

        string from = Text(low);
        if (high is null)
        {
            Node longer = Node.Seq(
                Node.Chars(CharSet.Of(('1', '9'))), Node.Times(Digit, from.Length, -1));
            return Node.Any(SameLength(from, new string('9', from.Length)), longer);
        }

        string to = Text(high.Value);
        var options = new List<Node>();
        for (int length = from.Length; length <= to.Length; length++)
        {
            string least = length == from.Length ? from : "1" + new string('0', length - 1);
            string most = length == to.Length ? to : new string('9', length);
            options.Add(SameLength(least, most));
        }

        return Node.Any(options);
    }

    /// <summary>Digits from least to most, of one length.</summary>
    private static Node SameLength(string least, string most)
    {
        if (least.Length == 0)
        {
            return Node.Empty;
        }

        if (least.All(digit => digit == '0') && most.All(digit => digit == '9'))
        {
            // Told apart digit by digit, all of them would double the states with each.
            return Node.Times(Digit, least.Length, least.Length);
        }

        (char a, char b) = (least[0], most[0]);
        if (a == b)
        {
            return Node.Seq(Node.Text(a.ToString()), SameLength(least[1..], most[1..]));
        }

        int rest = least.Length - 1;
        var options = new List<Node>
        {
            Node.Seq(Node.Text(a.ToString()), SameLength(least[1..], new string('9', rest))),
            Node.Seq(Node.Text(b.ToString()), SameLength(new string('0', rest), most[1..])),
        };
        if (b - a > 1)
        {
            options.Add(Node.Seq(Node.Chars(CharSet.Of((a + 1, b - 1))), Node.Times(Digit, rest, rest)));
        }

        return Node.Any(options);
    }

    private static Node Positive(decimal? min, bool minExcluded, decimal? max, bool maxExcluded)
    {
        decimal low = min ?? 0;
        decimal lowWhole = decimal.Floor(low);
        decimal? highWhole = max is null ? null : decimal.Floor(max.Value);
        string lowPart = Fraction(low);
        string? highPart = max is null ? null : Fraction(max.Value);
        if (lowWhole == highWhole)
        {
            return Node.Seq(
                Node.Text(Text(lowWhole)), Fractions(lowPart, minExcluded, highPart, maxExcluded));
        }

        var options = new List<Node>
        {
            Node.Seq(Node.Text(Text(lowWhole)), Fractions(lowPart, minExcluded, null, false)),
            Node.Seq(
                Whole(lowWhole + 1, highWhole - 1),
                Node.Optional(Node.Seq(Node.Text("."), Node.Times(Digit, 1, -1)))),
        };
        if (highWhole is decimal whole && whole > lowWhole)
        {
            options.Add(Node.Seq(Node.Text(Text(whole)), Fractions("", false, highPart, maxExcluded)));
        }

        return Node.Any(options);
    }

    /// <summary>Nothing, or a point and digits, between two fractions.</summary>
    private static Node Fractions(string low, bool lowExcluded, string? high, bool highExcluded)
    {
        bool zeroFits = low.Length == 0 && !lowExcluded && !(high is { Length: 0 } && highExcluded);
        Node digits = Digits(low, lowExcluded, high, highExcluded, needsDigit: true);
        Node withPoint = Node.Seq(Node.Text("."), digits);
        return zeroFits ? Node.Optional(withPoint) : withPoint;
    }

    /// <summary>
    /// Digits after the point whose value lies between two fractions; low runs on in zeros, no high is no bound.
    /// </summary>
    private static Node Digits(string low, bool lowExcluded, string? high, bool highExcluded, bool needsDigit)
    {
        // Both bounds used up: from here on zeros alone keep the value.
        var options = new List<Node>();
        bool endFits = low.Length == 0 && !lowExcluded && !(high is { Length: 0 } && highExcluded);
        if (endFits && !needsDigit)
        {
            options.Add(Node.Empty);
        }

        char a = low.Length > 0 ? low[0] : '0';
        char b = high is null ? '9' : high.Length > 0 ? high[0] : '0';
        if (low.Length == 0 && high is null)
        {
            Node free = lowExcluded
                ? Node.Seq(Node.Star(Node.Text("0")), Node.Chars(CharSet.Of(('1', '9'))), Node.Star(Digit))
                : Node.Times(Digit, needsDigit ? 1 : 0, -1);
            return free;
        }

        if (low.Length == 0 && high is { Length: 0 })
        {
            return lowExcluded || highExcluded ? Node.Never : Node.Times(Node.Text("0"), needsDigit ? 1 : 0, -1);
        }

        string lowRest = low.Length > 0 ? low[1..] : "";
        string? highRest = high is null ? null : high.Length > 0 ? high[1..] : "";
        if (a > b)
        {
            return Node.Any(options);
        }

        if (a == b)
        {
            options.Add(Node.Seq(
                Node.Text(a.ToString()), Digits(lowRest, lowExcluded, highRest, highExcluded, false)));
            return Node.Any(options);
        }

        options.Add(Node.Seq(Node.Text(a.ToString()), Digits(lowRest, lowExcluded, null, false, false)));
        if (high is null)
        {
            options.Add(Node.Seq(Node.Chars(CharSet.Of((a + 1, '9'))), Node.Star(Digit)));
            return Node.Any(options);
        }

        if (b - a > 1)
        {
            options.Add(Node.Seq(Node.Chars(CharSet.Of((a + 1, b - 1))), Node.Star(Digit)));
        }

        options.Add(Node.Seq(Node.Text(b.ToString()), Digits("", false, highRest, highExcluded, false)));
        return Node.Any(options);
    }

    private static string Text(decimal whole) => whole.ToString("0", CultureInfo.InvariantCulture);

    private static string Fraction(decimal value)
    {
        string text = (value - decimal.Floor(value)).ToString(CultureInfo.InvariantCulture).TrimEnd('0');
        int point = text.IndexOf('.', StringComparison.Ordinal);
        return point < 0 ? "" : text[(point + 1)..];
    }
}
