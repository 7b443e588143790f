using System.Diagnostics;
using System.Text.Json;
using Engine.Tokenization.Templating;

namespace Engine.Tests.Tokenization.Templating;

/// <summary>Hostile templates end with an error, soon, and reach nothing but values.</summary>
internal sealed class LimitTests
{
    private static TemplateErrorKind KindOf(string source, TemplateLimits? limits = null, string context = "{}")
    {
        using JsonDocument document = JsonDocument.Parse(context);
        try
        {
            string output = JinjaTemplate.Parse(source, limits).Render(document.RootElement);
            Assert.Fail($"rendered {output.Length} characters");
            return default;
        }
        catch (TemplateException e)
        {
            return e.Kind;
        }
    }

    private static string Repeat(string s, int n) => string.Concat(Enumerable.Repeat(s, n));

    [TestCase("(", ")")]
    [TestCase("[", "]")]
    [TestCase("{1:", "}")]
    [TestCase("f(", ")")]
    [TestCase("not ", "")]
    [TestCase("-", "")]
    [TestCase("1 if 1 else ", "")]
    [TestCase("a[", "]")]
    public void DeepNestingIsARecursionError(string open, string close)
    {
        int times = Math.Min(100_000, 1_000_000 / (open.Length + close.Length));
        string source = "{{ " + Repeat(open, times) + "1" + Repeat(close, times) + " }}";
        Assert.That(KindOf(source), Is.EqualTo(TemplateErrorKind.RecursionError));
    }

    [TestCase("+1")]
    [TestCase(".a")]
    [TestCase("|e")]
    [TestCase(" and 1")]
    [TestCase("()")]
    [TestCase("**1")]
    public void LongChainsAreARecursionError(string link) =>
        Assert.That(KindOf("{{ 1" + Repeat(link, 100_000) + " }}"), Is.EqualTo(TemplateErrorKind.RecursionError));

    [Test]
    public void DeeplyNestedStatementsAreARecursionError() => Assert.That(
        KindOf(Repeat("{% if 1 %}", 40_000) + Repeat("{% endif %}", 40_000)),
        Is.EqualTo(TemplateErrorKind.RecursionError));

    [TestCase("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")]
    [TestCase("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}")]
    [TestCase("{% block a %}{{ self.a() }}{% endblock %}")]
    public void EndlessRecursionIsARecursionError(string source) =>
        Assert.That(KindOf(source), Is.EqualTo(TemplateErrorKind.RecursionError));

    [TestCase("{{ ns.x }}")]
    [TestCase("{{ ns.x | tojson }}")]
    [TestCase("{{ ns.x == ns.y }}")]
    [TestCase("{{ ns.x < ns.y }}")]
    [TestCase("{{ ns.x | pprint }}")]
    public void DeepValuesAreARecursionError(string use)
    {
        const string Build = "{% set ns = namespace(x=[], y=[]) %}{% for i in range(20000) %}"
            + "{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}{% endfor %}";
        Assert.That(KindOf(Build + use), Is.EqualTo(TemplateErrorKind.RecursionError));
    }

    [TestCase("{% for a in range(100000) %}{% for b in range(100000) %}{{ a * b }}{% endfor %}{% endfor %}")]
    [TestCase("{{ 'x' * 10**12 }}")]
    [TestCase("{{ [1] * 10**12 }}")]
    [TestCase("{{ 'x' | center(10**12) }}")]
    [TestCase("{{ 'x'.ljust(10**9) }}")]
    [TestCase("{{ '%1000000000d' % 1 }}")]
    [TestCase("{{ '{:1000000000}'.format(1) }}")]
    [TestCase("{{ '%.1000000000f' % 1.5 }}")]
    [TestCase("{{ 9 ** 999999999 }}")]
    [TestCase("{{ 'a\\tb'.expandtabs(10**9) }}")]
    [TestCase("{{ [1] | batch(10**9, 0) | list }}")]
    [TestCase("{{ [1] | slice(10**9) | list }}")]
    [TestCase("{{ [[1]] | tojson(indent=10**9) }}")]
    [TestCase("{{ lipsum(n=10**9) }}")]
    [TestCase("{{ 'ab' | indent(10**9, true) }}")]
    [TestCase("{% set ns = namespace(s='x') %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}")]
    [TestCase("{% set ns = namespace(s=[1]) %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}")]
    [TestCase("{% set ns = namespace(n=3) %}{% for i in range(99999) %}{% set ns.n = ns.n * ns.n %}{% endfor %}")]
    [TestCase("{% set ns = namespace(s='ab') %}{% for i in range(64) %}{% set ns.s = ns.s|replace('a','aaaa') %}{% endfor %}")]
    [TestCase("{% for i in range(99999) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}")]
    public void EndlessWorkHitsALimitSoon(string source)
    {
        long start = Stopwatch.GetTimestamp();
        TemplateErrorKind kind = KindOf(source);
        Assert.Multiple(() =>
        {
            Assert.That(kind, Is.EqualTo(TemplateErrorKind.LimitExceeded));
            Assert.That(Stopwatch.GetElapsedTime(start).TotalSeconds, Is.LessThan(5));
        });
    }

    [Test]
    public void TheOutputIsLimitedByTheInput()
    {
        var limits = new TemplateLimits { OutputExtraChars = 10, OutputFactor = 1 };
        Assert.That(
            KindOf("{% for i in range(99) %}{{ i }}{% endfor %}", limits),
            Is.EqualTo(TemplateErrorKind.LimitExceeded));
    }

    [TestCase("{{ ''.__class__.__mro__[1].__subclasses__() }}")]
    [TestCase("{{ cycler.__init__.__globals__.os.popen('id').read() }}")]
    [TestCase("{{ lipsum.__globals__['os'].popen('id').read() }}")]
    [TestCase("{{ self.__init__.__globals__ }}{% block a %}{% endblock %}{{ self._TemplateReference__context.x }}")]
    [TestCase("{{ ''['__class__']['__mro__'] }}")]
    [TestCase("{{ (''|attr('__class__')|attr('__mro__')) ~ ''.__class__.x }}")]
    [TestCase("{{ '{0.__class__.__mro__}'.format('') }}")]
    [TestCase("{{ namespace.__init__.__globals__ }}")]
    [TestCase("{{ joiner.__init__.__globals__.x }}")]
    [TestCase("{{ range.__self__.x }}")]
    [TestCase("{{ messages.append(1) }}", "{\"messages\": [1]}")]
    [TestCase("{{ request.application.__globals__ }}")]
    [TestCase("{{ config.items() }}")]
    [TestCase("{% for x in [].__class__.__base__.__subclasses__() %}{% endfor %}")]
    [TestCase("{{ ([]|map('attr', '__class__')|list) ~ [[]]|map(attribute='__class__.x')|list }}")]
    [TestCase("{{ 'x'.format_map({}).__doc__.x }}")]
    [TestCase("{{ joiner().__call__.__func__.__globals__ }}")]
    public void NothingButValuesCanBeReached(string source, string context = "{}") => Assert.That(
        KindOf(source, null, context),
        Is.EqualTo(TemplateErrorKind.SecurityError).Or.EqualTo(TemplateErrorKind.UndefinedError));

    [Test]
    public void RenderingsOnManyThreadsDoNotDisturbEachOther()
    {
        JinjaTemplate template = JinjaTemplate.Parse(
            "{% set ns = namespace(n=0) %}{% for i in range(k) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}");
        Parallel.For(0, 64, k =>
        {
            JsonElement context = JsonSerializer.SerializeToElement(new Dictionary<string, int> { ["k"] = k });
            Assert.That(template.Render(context), Is.EqualTo((k * (k - 1) / 2).ToString()));
        });
    }

    [Test]
    public void MutatedTemplatesNeverCrash()
    {
        int seed = Random.Shared.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        string[] sources = [.. TemplateData.Json("templates.json").EnumerateObject().Select(t => t.Value.GetString()!)];
        using JsonDocument context = JsonDocument.Parse("{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}");
        for (int i = 0; i < 400; i++)
        {
            char[] text = sources[random.Next(sources.Length)].ToCharArray();
            for (int edits = random.Next(1, 8); edits > 0; edits--)
                text[random.Next(text.Length)] = "{}%#-|()[]'\" .,=\nab1"[random.Next(20)];
            try
            {
                JinjaTemplate.Parse(new string(text)).Render(context.RootElement);
            }
            catch (TemplateException)
            {
                // Any kind is fine; any other exception fails the test.
            }
        }
    }
}
