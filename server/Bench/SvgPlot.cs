using System.Globalization;
using System.Net;
using System.Text;

namespace Engine.Server.Bench;

/// <summary>Draws a benchmark as bars, tokens per second on a logarithmic axis, in plain SVG.</summary>
internal static class SvgPlot
{
    private const int Width = 760;
    private const int LabelWidth = 130;
    private const int ValueWidth = 90;
    private const int BarHeight = 16;
    private const int Gap = 10;
    private const int Top = 64;
    private const string OurColor = "#2f6f4f";
    private const string OtherColor = "#b0b7bd";

    public static string Draw(BenchReport report)
    {
        bool isCompared = report.OtherCommands.Count > 0;
        int rowHeight = (isCompared ? 2 : 1) * BarHeight + Gap;
        int height = Top + (report.Results.Count * rowHeight) + 24;
        double max = Math.Max(10, report.Results.Max(r => Math.Max(r.TokensPerS, r.OtherTokensPerS)));
        var svg = new StringBuilder();
        Add(svg, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {height}\" font-family=\"sans-serif\" font-size=\"12\">");
        Add(svg, $"<rect width=\"{Width}\" height=\"{height}\" fill=\"white\"/>");
        Text(svg, 12, 22, $"{report.Model}, {report.Dtype}: tokens per second", "font-size=\"15\" font-weight=\"bold\"");
        Text(svg, 12, 42, report.Device, "fill=\"#555\"");
        DrawAxis(svg, max, height);
        for (int i = 0; i < report.Results.Count; i++)
        {
            BenchResult result = report.Results[i];
            int y = Top + (i * rowHeight);
            Text(svg, 12, y + 12, $"{result.Case.Name} x {result.Case.Batch}", "");
            Bar(svg, y, result.TokensPerS, max, OurColor);
            if (isCompared)
            {
                Bar(svg, y + BarHeight, result.OtherTokensPerS, max, OtherColor);
            }
        }

        if (isCompared)
        {
            Text(svg, Width - 220, 42, "green: engine, grey: llama.cpp", "fill=\"#555\"");
        }

        Add(svg, $"</svg>");
        return svg.ToString();
    }

    private static void DrawAxis(StringBuilder svg, double max, int height)
    {
        for (double tick = 1; tick <= max; tick *= 10)
        {
            double x = X(tick, max);
            Add(svg, $"<line x1=\"{x:F1}\" y1=\"{Top - 8}\" x2=\"{x:F1}\" y2=\"{height - 20}\" stroke=\"#ddd\"/>");
            Text(svg, x, height - 6, tick.ToString("N0", CultureInfo.InvariantCulture), "text-anchor=\"middle\" fill=\"#555\"");
        }
    }

    private static void Bar(StringBuilder svg, int y, double value, double max, string color)
    {
        double end = X(Math.Max(1, value), max);
        Add(svg, $"<rect x=\"{LabelWidth}\" y=\"{y}\" width=\"{end - LabelWidth:F1}\" height=\"{BarHeight - 2}\" fill=\"{color}\"/>");
        Text(svg, end + 4, y + 12, value.ToString("N1", CultureInfo.InvariantCulture), "");
    }

    // Rates of prefill and decode differ by orders of magnitude; on a linear axis one of them vanishes.
    private static double X(double value, double max) =>
        LabelWidth + ((Width - LabelWidth - ValueWidth) * Math.Log10(value) / Math.Log10(max));

    private static void Text(StringBuilder svg, double x, double y, string text, string attributes) =>
        Add(svg, $"<text x=\"{x:F1}\" y=\"{y:F1}\" {attributes}>{WebUtility.HtmlEncode(text)}</text>");

    private static void Add(StringBuilder svg, FormattableString text) =>
        svg.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
