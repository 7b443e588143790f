using System.CommandLine;
using System.Runtime.InteropServices;
using Engine.Server.Terminal;

namespace Engine.Server.Commands;

/// <summary>engine version.</summary>
internal sealed class VersionCommand : Command
{
    private readonly Option<bool> _json = new("--json") { Description = "As a JSON object." };

    public VersionCommand()
        : base("version", "Version, runtime and machine.")
    {
        Options.Add(_json);
        SetAction(Run);
    }

    private int Run(ParseResult result)
    {
        (string Name, string Value)[] facts =
        [
            ("version", ProductVersion.Text),
            ("runtime", RuntimeInformation.FrameworkDescription),
            ("os", RuntimeInformation.OSDescription),
            ("architecture", RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()),
            ("cpus", Environment.ProcessorCount.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        ];
        if (result.GetValue(_json))
        {
            Console.WriteLine(JsonText.Write(json =>
            {
                json.WriteStartObject();
                foreach ((string name, string value) in facts)
                {
                    json.WriteString(name, value);
                }

                json.WriteEndObject();
            }));
            return 0;
        }

        foreach ((string name, string value) in facts)
        {
            Console.WriteLine($"{name,-13} {value}");
        }

        return 0;
    }
}
