using System.Globalization;
using System.Text.RegularExpressions;

namespace Engine.Server.Tests.Support;

/// <summary>
/// Reads the Prometheus text format strictly, and applies the rules of `promtool check metrics` but the one against
/// colons, which vLLM's names have.
/// </summary>
internal sealed partial class ExpositionCheck
{
    private static readonly string[] _types = ["counter", "gauge", "histogram", "summary", "untyped"];

    private readonly Dictionary<string, string> _typeOf = [];
    private readonly Dictionary<string, string> _helpOf = [];
    private readonly HashSet<string> _series = [];
    private readonly Dictionary<string, List<(double Bound, double Count)>> _buckets = [];
    private readonly Dictionary<string, double> _values = [];
    private readonly List<string> _problems = [];
    private string? _family;

    /// <summary>Type per family.</summary>
    public IReadOnlyDictionary<string, string> Types => _typeOf;

    /// <summary>Everything that is wrong.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>Label names that occur with a family.</summary>
    public ILookup<string, string> Labels { get; private set; } = Array.Empty<string>().ToLookup(x => x);

    public static ExpositionCheck Read(string text)
    {
        var check = new ExpositionCheck();
        check.Problem(text.EndsWith('\n'), "the last line has no end");
        var labels = new List<(string Family, string Label)>();
        foreach (string line in text.Split('\n').SkipLast(1))
        {
            if (line.StartsWith('#'))
            {
                check.ReadComment(line);
            }
            else
            {
                check.ReadSample(line, labels);
            }
        }

        check.Labels = labels.Distinct().ToLookup(pair => pair.Family, pair => pair.Label);
        check.Lint();
        return check;
    }

    private void ReadComment(string line)
    {
        Match match = Comment().Match(line);
        Problem(match.Success, $"no HELP or TYPE: {line}");
        string name = match.Groups["name"].Value, rest = match.Groups["rest"].Value;
        if (match.Groups["kind"].Value == "HELP")
        {
            Problem(_helpOf.TryAdd(name, rest), $"a second HELP of {name}");
            Problem(rest.Length > 0, $"an empty HELP of {name}");
        }
        else
        {
            Problem(_typeOf.TryAdd(name, rest), $"a second TYPE of {name}");
            Problem(_types.Contains(rest), $"{name} has the type {rest}");
            Problem(_helpOf.ContainsKey(name), $"{name} has no HELP before its TYPE");
        }

        _family = name;
    }

    private void ReadSample(string line, List<(string Family, string Label)> labels)
    {
        Match match = Sample().Match(line);
        Problem(match.Success, $"no sample: {line}");
        string name = match.Groups["name"].Value;
        string family = FamilyOf(name);
        Problem(family == _family, $"{name} stands behind {_family}");
        Problem(_series.Add(name + "{" + match.Groups["labels"].Value + "}"), $"twice: {line}");
        string value = match.Groups["value"].Value.Replace("+Inf", "Infinity", StringComparison.Ordinal);
        bool isNumber = double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number);
        Problem(isNumber, $"no number: {line}");
        string others = "";
        double? bound = null;
        foreach (Match label in Label().Matches(match.Groups["labels"].Value))
        {
            string key = label.Groups["key"].Value, text = label.Groups["text"].Value;
            labels.Add((family, key));
            if (key == "le")
            {
                bound = text == "+Inf" ? double.PositiveInfinity : double.Parse(text, CultureInfo.InvariantCulture);
            }
            else
            {
                others += key + "=" + text + ",";
            }
        }

        if (name.EndsWith("_bucket", StringComparison.Ordinal) && _typeOf.GetValueOrDefault(family) == "histogram")
        {
            Problem(bound is not null, $"a bucket without le: {line}");
            _buckets.TryAdd(family + "{" + others, []);
            _buckets[family + "{" + others].Add((bound ?? 0, number));
        }
        else
        {
            _values[name + "{" + others] = number;
        }
    }

    private void Lint()
    {
        foreach ((string name, string type) in _typeOf)
        {
            Problem(_helpOf.ContainsKey(name), $"{name} has no HELP");
            Problem(type == "counter" == name.EndsWith("_total", StringComparison.Ordinal), $"{name} is a {type}");
            Problem(!name.Contains(type, StringComparison.Ordinal), $"{name} names its type");
            Problem(!Regex.IsMatch(name, "[A-Z]"), $"{name} has capitals");
            Problem(type == "histogram" || !Regex.IsMatch(name, "_(bucket|sum|count)$"), $"{name} is no histogram");
            Problem(!Regex.IsMatch(name, "_(ms|milliseconds|minutes|kb|mb|percent)(_|$)"), $"{name} is in no base unit");
        }

        foreach ((string key, List<(double Bound, double Count)> buckets) in _buckets)
        {
            Problem(buckets[^1].Bound == double.PositiveInfinity, $"{key} has no +Inf");
            Problem(buckets.Zip(buckets.Skip(1)).All(pair =>
                pair.First.Bound < pair.Second.Bound && pair.First.Count <= pair.Second.Count), $"{key} does not ascend");
            int brace = key.IndexOf('{', StringComparison.Ordinal);
            string family = key[..brace], labels = key[brace..];
            Problem(_values.GetValueOrDefault(family + "_count" + labels, -1) == buckets[^1].Count, $"{key}: _count");
            Problem(_values.ContainsKey(family + "_sum" + labels), $"{key} has no _sum");
        }
    }

    private string FamilyOf(string sample)
    {
        string family = Regex.Replace(sample, "_(bucket|sum|count)$", "");
        return _typeOf.GetValueOrDefault(family) == "histogram" ? family : sample;
    }

    private void Problem(bool isFine, string text)
    {
        if (!isFine)
        {
            _problems.Add(text);
        }
    }

    [GeneratedRegex(@"^# (?<kind>HELP|TYPE) (?<name>[a-zA-Z_:][a-zA-Z0-9_:]*) (?<rest>.*)$")]
    private static partial Regex Comment();

    [GeneratedRegex("""^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?<labels>([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*",?)*)\})? (?<value>\S+)$""")]
    private static partial Regex Sample();

    [GeneratedRegex("""(?<key>[a-zA-Z_][a-zA-Z0-9_]*)="(?<text>([^"\\\n]|\\["\\n])*)",?""")]
    private static partial Regex Label();
}
