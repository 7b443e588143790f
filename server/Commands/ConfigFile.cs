using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using Engine.Server.Terminal;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Engine.Server.Commands;

/// <summary>
/// Flags from a YAML file, which vLLM's --config names: a mapping of their names to what they are given. What the
/// command line gives, too, is the command line's.
/// </summary>
internal static class ConfigFile
{
    public const string Flag = "--config";

    private const string Parameter = "config";
    private const int MaxDepth = 32;

    // What a plain word means in YAML 1.1, which vLLM's files are.
    private static readonly string[] _true = ["true", "yes", "on"];
    private static readonly string[] _false = ["false", "no", "off"];

    /// <summary>The arguments without --config, and behind them those of its file.</summary>
    /// <param name="args">Of the command, its name first.</param>
    /// <param name="root">Knows the command.</param>
    /// <exception cref="EngineException">InvalidArgument: no such file, no such flag.</exception>
    public static string[] Expand(string[] args, RootCommand root)
    {
        int at = Array.FindIndex(args, IsFlag);
        if (at < 0)
        {
            return args;
        }

        bool isApart = args[at] == Flag;
        string path = !isApart ? args[at][(Flag.Length + 1)..]
            : at + 1 < args.Length ? args[at + 1]
            : throw EngineException.Invalid(Parameter, "needs a file's name");
        string[] others = [.. args[..at], .. args[(at + (isApart ? 2 : 1))..]];
        if (others.Any(IsFlag))
        {
            throw EngineException.Invalid(Parameter, "is given more than once");
        }

        ParseResult given = root.Parse(others);
        Command command = given.CommandResult.Command;
        bool hasModel = given.CommandResult.Children.OfType<ArgumentResult>().Any(result => result.Tokens.Count > 0);
        var added = new List<string>();
        foreach ((YamlNode key, YamlNode value) in Read(path))
        {
            string name = "--" + Text(key, path).Replace('_', '-');
            Option option = command.Options.FirstOrDefault(one => one.Name == name || one.Aliases.Contains(name))
                ?? throw Wrong(path, key, $"{command.Name} has no flag {name}");
            if (given.GetResult(option) is not { Implicit: false } && !(hasModel && option.Name == "--model"))
            {
                Add(added, command, option, value, path);
            }
        }

        return [.. others, .. added];
    }

    private static bool IsFlag(string arg) => arg == Flag || arg.StartsWith(Flag + "=", StringComparison.Ordinal);

    private static YamlMappingNode Read(string path)
    {
        try
        {
            using StreamReader reader = File.OpenText(path);
            var stream = new YamlStream();
            stream.Load(reader);
            return stream.Documents.Count == 0 ? []
                : stream.Documents[0].RootNode as YamlMappingNode
                    ?? throw Wrong(path, stream.Documents[0].RootNode, "must be a mapping of flags' names");
        }
        catch (YamlException e)
        {
            throw EngineException.Invalid(
                Parameter, string.Create(CultureInfo.InvariantCulture, $"{path}: line {e.Start.Line}: {e.Message}"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw EngineException.Invalid(Parameter, e.Message);
        }
    }

    private static void Add(List<string> args, Command command, Option option, YamlNode value, string path)
    {
        string name = option.Name;
        if (value is YamlScalarNode word && option.ValueType == typeof(bool))
        {
            string off = "--no-" + name[2..];
            if (IsPlain(word, _true))
            {
                args.Add(name);
            }
            else if (!IsPlain(word, _false))
            {
                throw Wrong(path, value, $"{name[2..]} must be true or false");
            }
            else if (command.Options.Any(option => option.Name == off))
            {
                args.Add(off);
            }
        }
        else if (value is YamlSequenceNode list && option.ValueType.IsArray)
        {
            args.AddRange(list.Select(item => $"{name}={Text(item, path)}"));
        }
        else if (value is not YamlScalarNode scalar)
        {
            args.Add($"{name}={JsonText.Write(json => Write(json, value, path, 0))}");
        }
        else if (!IsNull(scalar))
        {
            args.Add($"{name}={scalar.Value}");
        }
    }

    private static void Write(Utf8JsonWriter json, YamlNode node, string path, int depth)
    {
        if (depth > MaxDepth)
        {
            throw Wrong(path, node, "is too deep");
        }

        switch (node)
        {
            case YamlMappingNode mapping:
                json.WriteStartObject();
                foreach ((YamlNode key, YamlNode value) in mapping)
                {
                    json.WritePropertyName(Text(key, path));
                    Write(json, value, path, depth + 1);
                }

                json.WriteEndObject();
                break;
            case YamlSequenceNode list:
                json.WriteStartArray();
                foreach (YamlNode item in list)
                {
                    Write(json, item, path, depth + 1);
                }

                json.WriteEndArray();
                break;
            default:
                WriteScalar(json, (YamlScalarNode)node);
                break;
        }
    }

    private static void WriteScalar(Utf8JsonWriter json, YamlScalarNode scalar)
    {
        if (IsNull(scalar))
        {
            json.WriteNullValue();
        }
        else if (IsPlain(scalar, _true) || IsPlain(scalar, _false))
        {
            json.WriteBooleanValue(IsPlain(scalar, _true));
        }
        else if (scalar.Style == ScalarStyle.Plain && IsNumber(scalar.Value!))
        {
            json.WriteRawValue(scalar.Value!);
        }
        else
        {
            json.WriteStringValue(scalar.Value);
        }
    }

    private static bool IsNumber(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Number;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static bool IsPlain(YamlScalarNode scalar, string[] words) =>
        scalar.Style == ScalarStyle.Plain && words.Contains(scalar.Value, StringComparer.OrdinalIgnoreCase);

    private static bool IsNull(YamlScalarNode scalar) =>
        scalar.Style == ScalarStyle.Plain && scalar.Value is null or "" or "~" or "null" or "Null" or "NULL";

    private static string Text(YamlNode node, string path) => node is YamlScalarNode { Value: { } text }
        ? text
        : throw Wrong(path, node, "a word is needed");

    private static EngineException Wrong(string path, YamlNode node, string message) => EngineException.Invalid(
        Parameter, string.Create(CultureInfo.InvariantCulture, $"{path}: line {node.Start.Line}: {message}"));
}
