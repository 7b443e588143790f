using System.Text.RegularExpressions;

namespace Engine.Tests.Tidy;

/// <summary>Holds the tree to the house rules that no analyzer checks.</summary>
[TestFixture]
public sealed partial class TidyTests
{
    private const int MaxFileLines = 400;
    private const int MaxMethodLines = 70;
    private const int MaxColumns = 120;

    private static readonly string[] Sources = [".cs", ".cpp", ".h", ".hpp", ".c", ".py", ".go"];

    // Only ever shorter: tables that are data, not logic, and files that still want to be split.
    private static readonly string[] LongFiles = Exceptions("long-files.txt");
    private static readonly string[] LongMethods = Exceptions("long-methods.txt");

    [Test]
    public void NoFileIsLongerThanTheLimit()
    {
        string[] found = SourceTree.Files(Sources)
            .Where(path => !IsGenerated(path) && File.ReadLines(path).Count() > MaxFileLines)
            .Select(SourceTree.Relative)
            .ToArray();
        Assert.That(found.Except(LongFiles), Is.Empty, $"files of more than {MaxFileLines} lines");
        Assert.That(LongFiles.Except(found), Is.Empty, "exceptions no longer needed: delete them");
    }

    [Test]
    public void NoMethodIsLongerThanTheLimit()
    {
        string[] found = SourceTree.Files(".cs").Where(path => !IsGenerated(path))
            .SelectMany(LongMethodsOf).ToArray();
        Assert.That(found.Except(LongMethods), Is.Empty, $"methods of more than {MaxMethodLines} lines");
        Assert.That(LongMethods.Except(found), Is.Empty, "exceptions no longer needed: delete them");
    }

    [Test]
    public void NoLineIsWiderThanTheLimit()
    {
        string[] found = SourceTree.Files(".cs", ".cpp", ".h", ".hpp").Where(path => !IsGenerated(path))
            .SelectMany(path => File.ReadLines(path)
                .Select((line, index) => (line, index))
                .Where(item => item.line.Length > MaxColumns && !item.line.Contains('"', StringComparison.Ordinal))
                .Select(item => $"{SourceTree.Relative(path)}:{item.index + 1}"))
            .ToArray();
        Assert.That(found, Is.Empty, $"lines of more than {MaxColumns} columns");
    }

    [Test]
    public void NothingUnfinishedIsLeftInTheSources()
    {
        Assert.That(LinesMatching(Unfinished(), Sources), Is.Empty);
    }

    [Test]
    public void TheLibraryNeverTouchesConsoleProcessOrSignals()
    {
        string[] found = LinesMatching(HostFacilities(), [".cs"])
            .Where(line => line.StartsWith("core/", StringComparison.Ordinal)
                || (line.StartsWith("abi/", StringComparison.Ordinal)
                    && !line.StartsWith("abi/Generator/", StringComparison.Ordinal)))
            .ToArray();
        Assert.That(found, Is.Empty);
    }

    private static string[] LinesMatching(Regex pattern, string[] extensions) =>
        SourceTree.Files(extensions)
            .Where(path => !path.EndsWith("TidyTests.cs", StringComparison.Ordinal))
            .SelectMany(path => File.ReadLines(path)
                .Select((line, index) => (line, index))
                .Where(item => pattern.IsMatch(item.line))
                .Select(item => $"{SourceTree.Relative(path)}:{item.index + 1}: {item.line.Trim()}"))
            .ToArray();

    /// <summary>
    /// Bodies between a lone brace at one indentation and its partner. `dotnet format` keeps that
    /// shape, so no parser is needed; type bodies are told apart by the keyword above the brace.
    /// </summary>
    private static IEnumerable<string> LongMethodsOf(string path)
    {
        string[] lines = File.ReadAllLines(path);
        for (int i = 1; i < lines.Length; i++)
        {
            Match brace = LoneBrace().Match(lines[i]);
            if (!brace.Success || !IsMemberHeader(lines, i, brace.Groups[1].Length, out string name))
            {
                continue;
            }

            string closing = brace.Groups[1].Value + "}";
            int end = Array.FindIndex(lines, i, line => line.StartsWith(closing, StringComparison.Ordinal));
            if (end > 0 && end - i - 1 > MaxMethodLines)
            {
                yield return $"{SourceTree.Relative(path)}: {name}";
            }
        }
    }

    private static bool IsMemberHeader(string[] lines, int brace, int indent, out string name)
    {
        name = "";
        for (int i = brace - 1; i >= 0 && brace - i < 12; i--)
        {
            int leading = lines[i].Length - lines[i].TrimStart().Length;
            if (leading != indent || lines[i].Trim().Length == 0)
            {
                continue;
            }

            Match header = MemberHeader().Match(lines[i]);
            name = header.Groups[1].Value;
            return header.Success && !TypeHeader().IsMatch(lines[i]);
        }

        return false;
    }

    private static bool IsGenerated(string path) =>
        path.Contains(".g.", StringComparison.Ordinal)
        || File.ReadLines(path).Take(3).Any(line =>
            line.Contains("generated", StringComparison.OrdinalIgnoreCase)
            && line.Contains("do not edit", StringComparison.OrdinalIgnoreCase));

    private static string[] Exceptions(string name) =>
        File.ReadLines(Path.Combine(SourceTree.Root, "tests/Engine.Core.Tests/Tidy", name))
            .Where(line => line.Length > 0 && line[0] != '#').ToArray();

    [GeneratedRegex(@"^( {4,8})\{$")]
    private static partial Regex LoneBrace();

    [GeneratedRegex(@"(\w+)(<[^(]*>)?\(")]
    private static partial Regex MemberHeader();

    [GeneratedRegex(@"\b(class|struct|interface|enum|record|namespace)\b")]
    private static partial Regex TypeHeader();

    [GeneratedRegex(@"\b(TODO|FIXME|XXX|NotImplementedException)\b")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"\b(Console\.|Process\.(Start|GetCurrentProcess)|PosixSignalRegistration)")]
    private static partial Regex HostFacilities();
}
