using System.CommandLine;
using System.CommandLine.Parsing;
using Engine.Server.Terminal;

namespace Engine.Server.Commands;

/// <summary>Makes options that look alike everywhere.</summary>
internal static class Arguments
{
    /// <summary>A number that may end in k, m, g (decimal) or K, M, G (binary).</summary>
    public static Option<long?> Number(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "n[k|m|g]",
        CustomParser = ParseNumber,
    };

    /// <summary>--name and --no-name; null if neither is given.</summary>
    public static (Option<bool> On, Option<bool> Off) Switch(string name, string description) =>
        (new Option<bool>("--" + name) { Description = description },
            new Option<bool>("--no-" + name) { Description = "The opposite.", Hidden = true });

    public static bool ValueOf(this (Option<bool> On, Option<bool> Off) option, ParseResult result, bool ifAbsent) =>
        result.GetValue(option.On) || (!result.GetValue(option.Off) && ifAbsent);

    /// <summary>A number that must fit an int.</summary>
    public static int? ToInt(long? value, string name) => value switch
    {
        null => null,
        > int.MaxValue => throw EngineException.Invalid(name, $"must be at most {int.MaxValue}, found {value}"),
        _ => (int)value,
    };

    private static long? ParseNumber(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (ByteText.TryParse(text, out long value))
        {
            return value;
        }

        result.AddError($"'{text}' is no number; examples: 4096, 4k, 2.5G");
        return null;
    }
}
