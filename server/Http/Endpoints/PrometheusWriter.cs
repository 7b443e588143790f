using System.Globalization;
using System.Text;
using Engine.Diagnostics;

namespace Engine.Server.Http.Endpoints;

/// <summary>Writes the Prometheus text format 0.0.4.</summary>
internal sealed class PrometheusWriter
{
    private readonly StringBuilder _text = new(16 * 1024);

    /// <summary>A label list without braces; values escaped.</summary>
    public static string Labels(params ReadOnlySpan<(string Name, string Value)> labels)
    {
        var text = new StringBuilder();
        foreach ((string name, string value) in labels)
        {
            text.Append(text.Length == 0 ? "" : ",").Append(name).Append("=\"");
            foreach (char c in value)
            {
                _ = c switch
                {
                    '\\' => text.Append("\\\\"),
                    '"' => text.Append("\\\""),
                    '\n' => text.Append("\\n"),
                    _ => text.Append(c),
                };
            }

            text.Append('"');
        }

        return text.ToString();
    }

    public void Head(string name, string type, string help) =>
        _text.Append("# HELP ").Append(name).Append(' ').Append(help).Append('\n')
            .Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');

    public void Sample(string name, string labels, double value)
    {
        _text.Append(name);
        if (labels.Length > 0)
        {
            _text.Append('{').Append(labels).Append('}');
        }

        _text.Append(' ').Append(Number(value)).Append('\n');
    }

    public void One(string name, string type, string help, string labels, double value)
    {
        Head(name, type, help);
        Sample(name, labels, value);
    }

    public void Histogram(string name, string help, string labels, HistogramSnapshot histogram)
    {
        Head(name, "histogram", help);
        Buckets(name, labels, histogram.UpperBounds, histogram.Counts, histogram.Sum);
    }

    /// <param name="name">The metric.</param>
    /// <param name="labels">Without le.</param>
    /// <param name="upperBounds">Ascending, without +Inf.</param>
    /// <param name="counts">Per bucket, not cumulative; one more than bounds.</param>
    /// <param name="sum">Of all observations.</param>
    public void Buckets(
        string name, string labels, IReadOnlyList<double> upperBounds, IReadOnlyList<long> counts, double sum)
    {
        string comma = labels.Length > 0 ? "," : "";
        long total = 0;
        for (int i = 0; i < counts.Count; i++)
        {
            total += counts[i];
            string bound = i < upperBounds.Count ? Bound(upperBounds[i]) : "+Inf";
            Sample(name + "_bucket", $"{labels}{comma}le=\"{bound}\"", total);
        }

        Sample(name + "_sum", labels, sum);
        Sample(name + "_count", labels, total);
    }

    public override string ToString() => _text.ToString();

    // Python's client writes bounds as floats; dashboards match them as text.
    private static string Bound(double value) =>
        value == Math.Truncate(value)
            ? value.ToString("F1", CultureInfo.InvariantCulture)
            : value.ToString("R", CultureInfo.InvariantCulture);

    private static string Number(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf"
        : double.IsNegativeInfinity(value) ? "-Inf"
        : double.IsNaN(value) ? "NaN"
        : value.ToString("R", CultureInfo.InvariantCulture);
}
