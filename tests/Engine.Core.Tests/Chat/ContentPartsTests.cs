using System.Text.Json;
using Engine.Chat;
using Engine.Tokenization.Templating;

namespace Engine.Tests.Chat;

/// <summary>Contents of messages that are lists of parts.</summary>
internal sealed class ContentPartsTests
{
    [TestCase("""[{"role":"user","content":"Hi"}]""", """[{"role":"user","content":"Hi"}]""")]
    [TestCase(
        """[{"role":"user","content":[{"type":"text","text":"a"},"b",{"type":"input_text","text":"c"}],"name":"n"}]""",
        """[{"role":"user","content":"a\nb\nc","name":"n"}]""")]
    [TestCase("""[{"role":"user","content":[]}]""", """[{"role":"user","content":""}]""")]
    [TestCase("""[5,{"content":[{"type":"refusal","refusal":"no"}]}]""", """[5,{"content":"no"}]""")]
    public void PartsBecomeOneText(string messages, string expected)
    {
        using JsonDocument document = JsonDocument.Parse(messages);
        Assert.That(ContentParts.Flatten(document.RootElement).GetRawText(), Is.EqualTo(expected));
    }

    [TestCase("""[{"content":[{"type":"image_url","image_url":{}}]}]""")]
    [TestCase("""[{"content":[{"type":"text"}]}]""")]
    [TestCase("""[{"content":[{"type":"text","text":1}]}]""")]
    [TestCase("""[{"content":[{"text":"x"}]}]""")]
    [TestCase("""[{"content":[{"type":7,"text":"x"}]}]""")]
    [TestCase("""[{"content":[null]}]""")]
    public void WhatIsNoTextIsRefused(string messages)
    {
        using JsonDocument document = JsonDocument.Parse(messages);
        JsonElement root = document.RootElement;
        Assert.That(
            () => ContentParts.Flatten(root),
            Throws.TypeOf<EngineException>().With.Property("Parameter").EqualTo("messages"));
    }

    [TestCase("{% for m in messages %}{{ m.content }}{% endfor %}", false)]
    [TestCase("{% for message in messages %}{% for p in message.content %}{{ p.text }}{% endfor %}{% endfor %}", true)]
    [TestCase("{% for message in messages %}{% for p in message['content'] %}{{ p }}{% endfor %}{% endfor %}", true)]
    public void ATemplateThatWalksOverPartsTakesThem(string source, bool takes) =>
        Assert.That(ContentParts.AreTakenBy(ChatTemplate.Parse(source)), Is.EqualTo(takes));
}
