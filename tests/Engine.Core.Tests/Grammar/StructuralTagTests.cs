using System.Text.Json;
using Engine.Grammar;

namespace Engine.Tests.Grammar;

/// <summary>Structural tags: free text, and stretches that are not free.</summary>
[TestFixture]
public sealed class StructuralTagTests
{
    [Test]
    public void EveryRowIsJudgedAsTheReferenceSays() => GrammarData.CheckAll("structural_tags", row =>
        GrammarData.Verdict(GrammarCompiler.StructuralTag(row.GetProperty("structural_tag").GetRawText()), row));

    [Test]
    public void EveryBrokenTagIsRefused() => GrammarData.CheckAll("structural_tags_bad", row =>
    {
        JsonElement tag = row.GetProperty("structural_tag");
        string text = tag.ValueKind == JsonValueKind.String ? tag.GetString()! : tag.GetRawText();
        return GrammarData.Refusal(() => GrammarCompiler.StructuralTag(text), "structural_tag");
    });

    [Test]
    public void ErrorsNameTheFormatAndItsPath()
    {
        const string tag = """{"format":{"type":"sequence","elements":[{"type":"any_text"},{"type":"haiku"}]}}""";
        Assert.That(() => GrammarCompiler.StructuralTag(tag),
            Throws.InstanceOf<EngineException>().With.Message.Contains("format.elements[1].type: format haiku"));
    }

    [Test]
    public void ATriggerInsideOfAnotherEndsFreeTextFirst()
    {
        const string tag = """
            {"triggers":["<a","<"],"structures":[{"begin":"<a>","schema":{"type":"integer"},"end":"</a>"}]}
            """;
        Network network = GrammarCompiler.StructuralTag(tag);
        Assert.That(GrammarData.Matches(network, "x <a>1</a> y"), Is.True);
        Assert.That(GrammarData.Matches(network, "x <b> y"), Is.False);
    }

    [Test]
    public void TheTextOfATagDoesNotContainItsEnd()
    {
        const string tag = """
            {"format":{"type":"sequence","elements":[{"type":"tag","begin":"<t>","content":{"type":"any_text"},
            "end":["</t>","<stop>"]},{"type":"const_string","value":"!"}]}}
            """;
        Network network = GrammarCompiler.StructuralTag(tag);
        Assert.That(GrammarData.Matches(network, "<t>a</tt</t>!"), Is.True);
        Assert.That(GrammarData.Matches(network, "<t><stop>!"), Is.True);
        Assert.That(GrammarData.Matches(network, "<t>a</t>b</t>!"), Is.False);
    }
}
