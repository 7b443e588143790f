using System.Text.RegularExpressions;

namespace Engine.Quantization;

/// <summary>
/// The layers that a group of compressed-tensors is for: names, names of classes, and after "re:" patterns that match
/// a name from its start.
/// </summary>
internal sealed class InputTargets
{
    private const string Prefix = "re:";
    private const string LinearLayers = "Linear";

    // A pattern comes with the checkpoint: it may be meant to take for ever.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(1);

    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly List<Regex> _patterns = [];

    /// <exception cref="EngineException">CorruptData: a pattern that is none.</exception>
    public InputTargets(IEnumerable<string> targets)
    {
        foreach (string target in targets)
        {
            if (target.StartsWith(Prefix, StringComparison.Ordinal)) _patterns.Add(Pattern(target));
            else _names.Add(target);
        }
    }

    public static InputTargets None { get; } = new([]);

    /// <summary>All layers of this class are meant.</summary>
    public bool HoldsLinearLayers => Holds(LinearLayers) || Matches(LinearLayers);

    /// <summary>True if the layer is given by name.</summary>
    public bool Holds(string module) => _names.Contains(module);

    /// <summary>True if a pattern matches the layer's name.</summary>
    public bool Matches(string module)
    {
        foreach (Regex pattern in _patterns)
        {
            try
            {
                if (pattern.IsMatch(module)) return true;
            }
            catch (RegexMatchTimeoutException e)
            {
                throw Bad(pattern.ToString(), "one that ends", e);
            }
        }

        return false;
    }

    private static Regex Pattern(string target)
    {
        try
        {
            return new Regex($@"\A(?:{target[Prefix.Length..]})", RegexOptions.CultureInvariant, _patience);
        }
        catch (ArgumentException e)
        {
            throw Bad(target, "a pattern", e);
        }
    }

    private static EngineException Bad(string target, string expected, Exception cause) => EngineException.Corrupt(
        "quantization_config", $"config_groups.targets: expected {expected}, found \"{target}\"", cause);
}
