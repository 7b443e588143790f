using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Engine.Abi.Generator;

/// <summary>The XML documentation of the built assemblies, as plain text.</summary>
internal sealed partial class Docs
{
    private readonly Dictionary<string, XElement> _members = new(StringComparer.Ordinal);

    public Docs(params string[] files)
    {
        foreach (string file in files)
        {
            foreach (XElement member in XDocument.Load(file).Descendants("member"))
            {
                _members[(string)member.Attribute("name")!] = member;
            }
        }
    }

    public string Summary(string id) => Text(Find(id).Element("summary"));

    public string Returns(string id) => Text(Find(id).Element("returns"));

    public string Parameter(string id, string name) =>
        Text(Find(id).Elements("param").FirstOrDefault(p => (string?)p.Attribute("name") == name));

    /// <summary>A method by its name alone: exports are not overloaded.</summary>
    public string MethodId(Type type, string method)
    {
        string prefix = $"M:{type.FullName}.{method}";
        return _members.Keys.Single(key =>
            key == prefix || key.StartsWith(prefix + "(", StringComparison.Ordinal));
    }

    private XElement Find(string id) => _members.TryGetValue(id, out XElement? member)
        ? member
        : throw new InvalidOperationException($"{id} has no documentation");

    private static string Text(XElement? element)
    {
        if (element is null)
        {
            return "";
        }

        IEnumerable<string> parts = element.Nodes().Select(node => node switch
        {
            XText text => text.Value,
            XElement { Name.LocalName: "see" or "paramref" } reference => Reference(reference),
            XElement inner => inner.Value,
            _ => "",
        });
        return Space().Replace(string.Concat(parts), " ").Trim();
    }

    private static string Reference(XElement element) =>
        ((string?)element.Attribute("cref") ?? (string?)element.Attribute("name") ?? "").Split('.', ':')[^1];

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
