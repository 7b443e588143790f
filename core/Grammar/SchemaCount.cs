namespace Engine.Grammar;

/// <summary>
/// How many values some schemas have, at most: never less than there are, and <see cref="Many"/> where that is not
/// found out with little work.
/// </summary>
internal sealed class SchemaCount(SchemaCompiler compiler)
{
    /// <summary>So many, or more, or without end.</summary>
    public const long Many = 100_000;

    private const int MaxSchemas = 500;

    private int _left = MaxSchemas;

    /// <summary>Values that satisfy all of some schemas.</summary>
    public long Of(IEnumerable<Term> terms)
    {
        Term[] all = [.. terms];
        if (Array.Exists(all, term => term.IsFalse))
        {
            return 0;
        }

        if (all.Length == 0 || --_left < 0)
        {
            return Many;
        }

        long sum = 0;
        foreach (SchemaParts parts in compiler.Read(all))
        {
            sum = Math.Min(sum + Of(parts), Many);
        }

        return sum;
    }

    private long Of(SchemaParts parts)
    {
        if (parts.Values is not null)
        {
            return compiler.ValuesThatHold(parts).Count();
        }

        bool Has(JsonTypes types) => (parts.Types & types) != 0;
        return Math.Min(
            Many,
            (Has(JsonTypes.Null) ? 1 : 0) + (Has(JsonTypes.Boolean) ? 2 : 0)
                + (Has(JsonTypes.Number) ? Numbers(parts) : 0) + (Has(JsonTypes.String) ? Strings(parts) : 0)
                + (Has(JsonTypes.Array) ? Arrays(parts) : 0) + (Has(JsonTypes.Object) ? Objects(parts) : 0));
    }

    private static long Numbers(SchemaParts parts)
    {
        decimal step = (parts.Types & JsonTypes.Fraction) == 0 ? 1 : 0;
        foreach ((decimal divisor, bool isNot) in parts.Multiples)
        {
            step = isNot ? step : Math.Max(step, divisor);
        }

        if (step == 0 || parts.Minimum is not decimal min || parts.Maximum is not decimal max
            || Math.Max(Math.Abs((double)min), Math.Abs((double)max)) / (double)step > 1e15)
        {
            return Many;
        }

        decimal first = decimal.Ceiling(min / step);
        decimal last = decimal.Floor(max / step);
        first += parts.MinimumExcluded && first * step == min ? 1 : 0;
        last -= parts.MaximumExcluded && last * step == max ? 1 : 0;
        return (long)Math.Clamp(last - first + 1, 0, Many);
    }

    /// <summary>Formats alone leave many.</summary>
    private long Strings(SchemaParts parts) =>
        parts.MaxLength < parts.MinLength ? 0
        : parts.MaxLength == 0 ? 1
        : parts.Patterns.Count == 0 ? Many
        : compiler.Strings.Language(parts).Count(Many);

    private long Arrays(SchemaParts parts)
    {
        long sum = 0;
        long ways = 1;
        for (int i = 0; ways > 0 && sum < Many; i++)
        {
            sum += i >= parts.MinItems ? ways : 0;
            if (i == parts.MaxItems)
            {
                return Math.Min(sum, Many);
            }

            ways = Math.Min(ways * Of(SchemaArrays.TermsAt(parts, i)), Many);
            if (_left < 0)
            {
                return Many;
            }
        }

        return Math.Min(sum, Many);
    }

    private long Objects(SchemaParts parts)
    {
        if (!parts.Objects.Exists(part => part.Patterns.Count == 0 && part.Additional is { IsFalse: true }))
        {
            return Many;
        }

        long ways = 1;
        IEnumerable<string> names = parts.Objects.SelectMany(part => part.Properties.Keys).Concat(parts.Required);
        foreach (string name in names.Distinct())
        {
            IEnumerable<Term> terms = SchemaObjects.TermsOf(
                parts, name, (pattern, text) => compiler.Strings.PatternTexts(pattern).Accepts(text));
            ways = Math.Min(ways * (Of(terms) + (parts.Required.Contains(name) ? 0 : 1)), Many);
        }

        return ways;
    }
}
