using System.Diagnostics;
using Engine.Tokenization.Patterns;
using Engine.Tokenization.Text;
using NUnit.Framework;

namespace Engine.Tests.Tokenization;

internal sealed class PatternTests
{
    private const string Llama3 =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        + @"|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string Kimi =
        @"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*"
        + @"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        + @"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    // What .NET's own backtracking engine understands the same way, on text of the basic plane.
    private static readonly string[] _patterns =
    [
        Llama3, @"a|ab|abc", @"(?:a|b)*?c", @"\w+|[^\w\s]+", @"(?<=a)b|(?<!a)c", @"(?=ab)a|b",
        @"a{2,3}|a", @"a{2,}?b|.", @"(?>a+)b|a", @"x?(?:ab)+|b", @"\d{1,3}(?=(?:\d{3})*(?:\D|\z))",
        @"(?:ab?){1,3}c|[a-c]", @"\s+(?!\S)|\s", @"[^\S\n]+|\n", @"\bab|b\B", @"(?i)AB|c",
        @"(?!b)[abc]+", @"(?:a(?=b)|b)+", @"[a-c&&[^b]]+|b", @"a*b|a",
    ];

    [TestCaseSource(nameof(_patterns))]
    public void FindsWhatDotNetFinds(string pattern)
    {
        const int Seed = 99;
        Random random = new(Seed);
        string translated = pattern.Replace("[a-c&&[^b]]", "[a-c-[b]]");
        System.Text.RegularExpressions.Regex expected = new(translated);
        Pattern found = Pattern.FromTiktoken(pattern);
        for (int n = 0; n < 400; n++)
        {
            char[] text = new char[random.Next(24)];
            for (int i = 0; i < text.Length; i++)
            {
                text[i] = "aaabbcABC 1234x\n '\u00e9."[random.Next(20)];
            }

            string subject = new(text);
            string want = string.Join(' ', expected.Matches(subject).Where(m => m.Length > 0)
                .Select(m => $"{m.Index}-{m.Index + m.Length}"));
            Assert.That(string.Join(' ', Matches(found, subject)), Is.EqualTo(want),
                $"seed {Seed}, text {n}: {ReferenceChecks.Show(subject)}");
        }
    }

    [TestCase(@"(?:a|a)*b")]
    [TestCase(@"(?:a+)+b|a")]
    [TestCase(@"(?:a|aa)+$")]
    [TestCase(@"a*b|a")]
    [TestCase(@"a*?b|a")]
    [TestCase(@"a{1,3}(?=(?:a{3})*b)|a")]
    [TestCase(@"(?:a+b?)+c|a")]
    [TestCase(@"(?=a*b)a|a")]
    [TestCase(@"(?=(?:a|a)*b)a|a")]
    [TestCase(@"a++b|a")]
    [TestCase(@"(?>(?:aa)+)b|a")]
    [TestCase(Llama3)]
    [TestCase(Kimi)]
    public void TakesLinearTimeOnALongRun(string pattern)
    {
        const int Length = 60_000;
        Pattern compiled = Pattern.FromRegex(pattern);
        Stopwatch watch = Stopwatch.StartNew();
        _ = Matches(compiled, new string('a', Length));
        Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(10)));
    }

    [Test]
    public void IgnoringCaseFindsTheLongS() =>
        Assert.That(Matches(Pattern.FromRegex("(?i:'s)"), "'S '\u017f 's"), Has.Count.EqualTo(3));

    [Test]
    public void ClassesCountCodePointsNotUnits() =>
        Assert.That(Matches(Pattern.FromRegex(@"\p{L}{2}"), "\ud835\udd38\ud835\udd39x"),
            Is.EqualTo(new[] { "0-2" }));

    [Test]
    public void DollarEndsALineInTokenizerJson() =>
        Assert.That(Matches(Pattern.FromRegex(@"a$"), "a\na"), Is.EqualTo(new[] { "0-1", "2-3" }));

    [Test]
    public void DollarEndsTheTextInTiktoken() =>
        Assert.That(Matches(Pattern.FromTiktoken(@"a$"), "a\na"), Is.EqualTo(new[] { "2-3" }));

    [Test]
    public void ScriptsAreKnownByName() =>
        Assert.That(Matches(Pattern.FromRegex(@"\p{Han}+|\p{Script=Hiragana}+"), "\u6f22\u5b57\u304b\u306a"),
            Is.EqualTo(new[] { "0-2", "2-4" }));

    [TestCase("(")]
    [TestCase("[a")]
    [TestCase("*")]
    [TestCase("a**********")]
    [TestCase(@"\p{Nothing}")]
    [TestCase(@"(a)\1")]
    [TestCase("(?:a*)*")]
    [TestCase("(?<=a*)b")]
    [TestCase("a{5000}")]
    [TestCase("[b-a]")]
    public void ABadPatternIsAnError(string pattern) =>
        Assert.That(() => Pattern.FromRegex(pattern), Throws.TypeOf<EngineException>());

    [Test]
    public void DeepNestingIsAnErrorNotAStackOverflow() =>
        Assert.That(() => Pattern.FromRegex(new string('(', 30_000) + new string(')', 30_000)),
            Throws.TypeOf<EngineException>());

    private static List<string> Matches(Pattern pattern, string text)
    {
        int[] codes = CodePoints.FromUtf16(text);
        PatternCursor cursor = pattern.Open(codes);
        List<string> matches = [];
        int from = 0;
        while (from <= codes.Length && cursor.Find(from, out int start, out int end))
        {
            if (end > start)
            {
                matches.Add($"{start}-{end}");
            }

            from = end > start ? end : end + 1;
        }

        return matches;
    }
}
