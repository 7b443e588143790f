using System.Text.Json;
using Engine.Tokenization.Templating;

namespace Engine.Tests.Tokenization.Templating;

/// <summary>Every reference rendering, byte for byte.</summary>
internal sealed class ReferenceTests
{
    [Test]
    public void EverySnippetRendersAsJinja2DoesOrFailsWithTheSameKind()
    {
        var failures = new List<string>();
        List<JsonElement> snippets = [.. TemplateData.Lines("snippets.jsonl"), .. TemplateData.ExtraSnippets()];
        foreach (JsonElement snippet in snippets)
        {
            string source = snippet.GetProperty("source").GetString()!;
            string want = snippet.TryGetProperty("output", out JsonElement output)
                ? output.GetString()!
                : "error " + snippet.GetProperty("error").GetString();
            string got = Snippet(source, snippet.GetProperty("context"));
            if (got != want)
                failures.Add($"{source}\n  want {want}\n  got  {got}");
        }

        Assert.That(snippets, Has.Count.GreaterThanOrEqualTo(423));
        Assert.That(failures, Is.Empty, string.Join("\n", failures.Take(20)));
    }

    [TestCase("{{ (0)[1:] }}|", "|")]
    [TestCase("{% set x = (0)[1:] %}", "error TypeError")]
    [TestCase("{{ a[1:2, 3] }}", "error SyntaxError")]
    [TestCase("{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% set x = 2 %}{{ m() }}", "2")]
    [TestCase("{{ '%.0f' % (10**25) }}", "10000000000000000905969664")]
    [TestCase("{{ ' a b  c '.split(none, 1) }}", "['a', 'b  c ']")]
    [TestCase("{{ 'ΑΣ ΣΑΣ.'.lower() }}", "ας σας.")]
    [TestCase("{{ {'a': 1}.keys() <= {'a': 2, 'b': 1}.keys() }}", "True")]
    [TestCase("{% macro a() %}{% set kwargs = 1 %}{% endmacro %}{{ a(b=1) }}", "error TypeError")]
    [TestCase("{% set a | default(qq) %}{% endset %}", "error AssertionError")]
    [TestCase("{% for j in [1] recursive %}{% else %}{% break %}{% endfor %}", "error SyntaxError")]
    [TestCase("{{ 'c' > 'a' }}{{ 'c' >= 'a' }}{{ 'd' > 'a' }}{{ 'a' < 'c' }}{{ 'abc' | max }}", "TrueTrueTrueTruec")]
    [TestCase("{% for x in [1, 2] %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% else %}E{% endfor %}", "E")]
    [TestCase("{% for x in [1, 2] %}{{ x }}{% if x == 2 %}{% break %}{% endif %}{% else %}E{% endfor %}", "12")]
    [TestCase("{% for x in [1] %}{% continue %}{% else %}E{% endfor %}", "E")]
    [TestCase(
        "{% macro m() %}{{ kwargs }}{% endmacro %}{% call m(a=1, **{'b': 2}) %}x{% endcall %}",
        "{'a': 1, 'caller': <Macro anonymous>, 'b': 2}")]
    public void AgreesWithJinja2InTheCorners(string source, string want) =>
        Assert.That(Snippet(source, default), Is.EqualTo(want));

    private static string Snippet(string source, JsonElement context)
    {
        try
        {
            return JinjaTemplate.Parse(source).Render(context, TemplateData.DefaultNow);
        }
        catch (TemplateException e)
        {
            return "error " + e.Kind;
        }
    }

    [Test]
    public void EveryConversationRendersAsApplyChatTemplateDoes()
    {
        Dictionary<string, ChatTemplate> templates = TemplateData.Json("templates.json").EnumerateObject()
            .ToDictionary(t => t.Name, t => ChatTemplate.Parse(t.Value.GetString()!));
        Dictionary<string, JsonElement> cases = TemplateData.Json("cases.json").GetProperty("cases")
            .EnumerateArray().ToDictionary(c => c.GetProperty("name").GetString()!);
        var failures = new List<string>();
        List<JsonElement> lines = TemplateData.Lines("expected.jsonl");
        foreach (JsonElement line in lines)
        {
            string name = line.GetProperty("template").GetString()!;
            string caseName = line.GetProperty("case").GetString()!;
            string want = Wanted(line);
            string got = Rendered(templates[name], TemplateData.Input(cases[caseName], line), line);
            if (got != want)
                failures.Add($"{name} / {caseName}\n  want {want}\n  got  {got}");
        }

        Assert.That(lines, Has.Count.EqualTo(1550));
        Assert.That(failures, Is.Empty, string.Join("\n", failures.Take(5)));
    }

    private static string Wanted(JsonElement line)
    {
        if (line.TryGetProperty("text", out JsonElement text))
        {
            string ranges = line.TryGetProperty("assistant_ranges", out JsonElement r)
                ? JsonSerializer.Serialize(r) : "";
            return ranges + text.GetString();
        }

        string kind = line.GetProperty("error").GetString()!;
        return kind == "TemplateError" ? $"error {kind} {line.GetProperty("message").GetString()}" : "error " + kind;
    }

    private static string Rendered(ChatTemplate template, ChatTemplateInput input, JsonElement line)
    {
        try
        {
            ChatTemplateResult result = template.Render(input);
            string ranges = line.TryGetProperty("assistant_ranges", out _)
                ? JsonSerializer.Serialize(result.AssistantRanges.Select(r => new[] { r.Start, r.End })) : "";
            return ranges + result.Text;
        }
        catch (TemplateException e)
        {
            return e.Kind == TemplateErrorKind.TemplateError ? $"error {e.Kind} {e.Message}" : "error " + e.Kind;
        }
    }
}
