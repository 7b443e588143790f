namespace Engine.Grammar;

/// <summary>JSON Schema's string formats as regular expressions.</summary>
internal static class StringFormats
{
    private const string Date =
        "\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)"
        + "|02-(?:0[1-9]|1\\d|2[0-9]))";

    private const string Offset = "(?:[Zz]|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
    private const string Time = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?" + Offset;
    private const string Octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    private const string Ipv4 = Octet + "(?:\\." + Octet + "){3}";
    private const string Group = "[0-9A-Fa-f]{1,4}";
    private const string Last32 = "(?:" + Group + ":" + Group + "|" + Ipv4 + ")";

    private const string Ipv6 =
        "(?:(?:" + Group + ":){6}" + Last32
        + "|::(?:" + Group + ":){5}" + Last32
        + "|(?:" + Group + ")?::(?:" + Group + ":){4}" + Last32
        + "|(?:(?:" + Group + ":){0,1}" + Group + ")?::(?:" + Group + ":){3}" + Last32
        + "|(?:(?:" + Group + ":){0,2}" + Group + ")?::(?:" + Group + ":){2}" + Last32
        + "|(?:(?:" + Group + ":){0,3}" + Group + ")?::" + Group + ":" + Last32
        + "|(?:(?:" + Group + ":){0,4}" + Group + ")?::" + Last32
        + "|(?:(?:" + Group + ":){0,5}" + Group + ")?::" + Group
        + "|(?:(?:" + Group + ":){0,6}" + Group + ")?::)";

    // Letters and digits, hyphens inside but never third and fourth at once (that is punycode's mark).
    private const string Label =
        "(?:[A-Za-z0-9](?:[A-Za-z0-9]|(?:[A-Za-z0-9-](?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]{0,59}[A-Za-z0-9]"
        + "|-[A-Za-z0-9](?:[A-Za-z0-9-]{0,58}[A-Za-z0-9])?)))?)";

    private const string HostName = Label + "(?:\\." + Label + ")*";
    private const string Atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";

    private const string Pct = "%[0-9A-Fa-f]{2}";
    private const string PChar = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|" + Pct + ")";
    private const string UserInfo = "(?:[A-Za-z0-9._~!$&'()*+,;=:-]|" + Pct + ")*@";
    private const string RegName = "(?:[A-Za-z0-9._~!$&'()*+,;=-]|" + Pct + ")*";
    private const string Authority = "(?:" + UserInfo + ")?(?:\\[" + Ipv6 + "\\]|" + RegName + ")(?::\\d*)?";

    private const string QueryAndFragment = "(?:\\?(?:" + PChar + "|[/?])*)?(?:#(?:" + PChar + "|[/?])*)?";

    private const string SegmentNoColon = "(?:[A-Za-z0-9._~!$&'()*+,;=@-]|" + Pct + ")+";

    private const string Uri =
        "[A-Za-z][A-Za-z0-9+.-]*:(?://" + Authority + "(?:/" + PChar + "*)*|/(?:" + PChar + "+(?:/" + PChar
        + "*)*)?|" + PChar + "+(?:/" + PChar + "*)*)?" + QueryAndFragment;

    private const string Name = "(?:[A-Za-z0-9_]|" + Pct + ")(?:\\.?(?:[A-Za-z0-9_]|" + Pct + "))*";
    private const string Variable = "(?:" + Name + ")(?::[1-9]\\d{0,3}|\\*)?";
    private const string Pointer = "(?:/(?:[^~/]|~0|~1)*)*";

    private static readonly Dictionary<string, string> Patterns = new()
    {
        ["date"] = Date,
        ["time"] = Time,
        ["date-time"] = Date + "[Tt]" + Time,
        ["duration"] =
            "P(?:\\d+W|(?:\\d+Y(?:\\d+M(?:\\d+D)?)?|\\d+M(?:\\d+D)?|\\d+D)(?:T(?:\\d+H(?:\\d+M(?:\\d+S)?)?|\\d+M(?:\\d+S)?|\\d+S))?"
            + "|T(?:\\d+H(?:\\d+M(?:\\d+S)?)?|\\d+M(?:\\d+S)?|\\d+S))",
        ["email"] = Atom + "(?:\\." + Atom + ")*@" + HostName,
        ["hostname"] = HostName,
        ["ipv4"] = Ipv4,
        ["ipv6"] = Ipv6,
        ["uuid"] = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
        ["uri"] = Uri,
        ["uri-reference"] =
            "(?:" + Uri + "|(?://" + Authority + "(?:/" + PChar + "*)*|/(?:" + PChar + "+(?:/" + PChar + "*)*)?|"
            + SegmentNoColon + "(?:/" + PChar + "*)*)?" + QueryAndFragment + ")",
        ["uri-template"] =
            "(?:[!#$&()*+,./0-9:;=?@A-Z\\[\\]_a-z~-]|[^\\x00-\\x7F]|" + Pct
            + "|\\{[+#./;?&=,!@|]?" + Variable + "(?:," + Variable + ")*\\})*",
        ["json-pointer"] = Pointer,
        ["relative-json-pointer"] = "(?:0|[1-9]\\d*)(?:#|" + Pointer + ")",
    };

    /// <summary>
    /// Formats of the standard that are not enforced, and so refused. All other names say nothing, as the standard has
    /// it: OpenAPI's (password, binary), a client's own.
    /// </summary>
    public static bool Constrains(string format) => Patterns.ContainsKey(format)
        || format is "idn-email" or "idn-hostname" or "iri" or "iri-reference" or "regex";

    /// <summary>The expression of a format, or null if it is not known.</summary>
    public static string? Pattern(string format) => Patterns.GetValueOrDefault(format);
}
