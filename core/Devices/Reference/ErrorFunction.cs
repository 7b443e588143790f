namespace Engine.Devices.Reference;

/// <summary>erfc, which .NET's Math lacks.</summary>
internal static class ErrorFunction
{
    /// <summary>1 - erf(x), relative error below 1e-13.</summary>
    public static double Complementary(double x)
    {
        if (x < 0) return 2 - Complementary(-x);
        return x < 2.5 ? 1 - Series(x) : Fraction(x);
    }

    // erf(x) = 2/sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (2n+1)!!: all terms positive, so no cancellation.
    private static double Series(double x)
    {
        double term = x, sum = x;
        for (int n = 1; n < 200 && term > sum * 1e-17; n++)
        {
            term *= 2 * x * x / ((2 * n) + 1);
            sum += term;
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    // erfc(x) = exp(-x^2)/sqrt(pi) * 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + ...)))).
    private static double Fraction(double x)
    {
        if (x > 27) return 0;
        double tail = x;
        for (int n = 120; n > 0; n--) tail = x + (n / 2.0 / tail);
        return Math.Exp(-x * x) / Math.Sqrt(Math.PI) / tail;
    }
}
