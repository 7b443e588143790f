using System.Text.RegularExpressions;

namespace Engine.Tests.Kernels;

/// <summary>One entry of kernels/cuda/tests/mutants.txt, whose head explains the form.</summary>
public sealed partial record CudaMutant(
    bool Always, string Module, string Group, string File, string Description, string From, string To)
{
    /// <summary>All of a file.</summary>
    public static IEnumerable<CudaMutant> Read(string path)
    {
        string text = System.IO.File.ReadAllText(path);
        MatchCollection heads = Head().Matches(text);
        for (int i = 0; i < heads.Count; i++)
        {
            Match head = heads[i];
            int start = head.Index + head.Length + 1;
            int end = i + 1 < heads.Count ? heads[i + 1].Index : text.Length;
            string[] parts = text[start..end].Split("\nto\n", 2);
            yield return new CudaMutant(
                head.Groups[1].Success, head.Groups[2].Value, head.Groups[3].Value, head.Groups[4].Value,
                head.Groups[5].Value, parts[0], parts[1].TrimEnd('\n'));
        }
    }

    [GeneratedRegex(@"^(always )?mutant ([\w+]+) (\w+) (\S+): (.+)$", RegexOptions.Multiline)]
    private static partial Regex Head();
}
