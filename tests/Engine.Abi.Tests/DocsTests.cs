using System.Text.RegularExpressions;

namespace Engine.Abi.Tests;

/// <summary>What the docs show runs, against the installed tree.</summary>
public sealed partial class DocsTests
{
    private const string GoMain = """
        package main

        import (
        	"context"
        	"fmt"

        	engine "example.com/libengine"
        )

        func main() {
        	ctx := context.Background()
        	_ = ctx
        """;

    private static IEnumerable<TestCaseData> Blocks()
    {
        foreach (string page in (string[])["README.md", "docs/bindings.md"])
        {
            int number = 0;
            foreach (Match match in Fence().Matches(File.ReadAllText(Path.Combine(Tree.Root, page))))
            {
                string language = match.Groups[1].Value;
                if (language is "python" or "go" or "cpp" or "c")
                {
                    yield return new TestCaseData(language, match.Groups[2].Value)
                        .SetArgDisplayNames(page, $"{language} {++number}");
                }
            }
        }
    }

    [TestCaseSource(nameof(Blocks))]
    public void TheBlockRuns(string language, string code)
    {
        string folder = Tree.Scratch($"docs-{Guid.NewGuid():N}");
        code = code.Replace("\"out/", $"\"{Tree.Prefix}/", StringComparison.Ordinal)
            .Replace("\"tests/", $"\"{Tree.Root}/tests/", StringComparison.Ordinal);
        string output = language switch
        {
            "python" => Python(folder, code),
            "go" => Go(folder, code),
            "cpp" => Native(folder, code, "cpp", "g++ -std=c++17", "cstdio"),
            _ => Native(folder, "#include <engine/engine.h>\n#include <string.h>\n" + code, "c", "gcc -std=c11", "stdio.h"),
        };
        bool printsWhenWell = code.Contains("print", StringComparison.Ordinal)
            && !code.Contains("stderr", StringComparison.Ordinal);
        Assert.That(output, printsWhenWell ? Is.Not.Empty : Is.Not.Null);
    }

    private static string Python(string folder, string code)
    {
        File.WriteAllText(Path.Combine(folder, "example.py"), code);
        return Tree.Run("PYTHONPATH=$PREFIX/python python3 example.py", folder);
    }

    private static string Go(string folder, string code)
    {
        string body = string.Concat(code.Split('\n').Select(line => $"\t{line}\n"));
        File.WriteAllText(
            Path.Combine(folder, "main.go"),
            $"{GoMain}\n{body}\tif err != nil {{\n\t\tpanic(err)\n\t}}\n\tfmt.Println()\n}}\n");
        File.WriteAllText(
            Path.Combine(folder, "go.mod"),
            "module example\n\ngo 1.19\n\nrequire example.com/libengine v0.0.0\n\n"
            + $"replace example.com/libengine => {Tree.Prefix}/go\n");
        return Tree.Run("GOFLAGS=-mod=mod GOPROXY=off go run .", folder, 240);
    }

    private static string Native(string folder, string code, string extension, string compiler, string header)
    {
        string[] lines = code.Split('\n');
        string includes = string.Join('\n', lines.Where(IsInclude));
        string body = string.Join('\n', lines.Where(line => !IsInclude(line)));
        File.WriteAllText(
            Path.Combine(folder, $"example.{extension}"),
            $"#include <{header}>\n{includes}\n\nint main(void)\n{{\n{body}\nreturn 0;\n}}\n");
        return Tree.Run(
            $"{compiler} -Wall -Wextra -I$PREFIX/include example.{extension} -o example "
            + "-L$PREFIX/lib -lengine -lpthread -Wl,-rpath,$PREFIX/lib && ./example",
            folder);
    }

    private static bool IsInclude(string line) => line.StartsWith("#include", StringComparison.Ordinal);

    [GeneratedRegex(@"^```(\w+)\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
