using System.Text.Json;
using Engine.Tokenization.Templating;

namespace Engine.Tests.Tokenization.Templating;

/// <summary>The rules around a template: what happens before and after rendering, and loading.</summary>
internal sealed class ChatTemplateTests
{
    private static JsonElement Json(string text)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    private static string Render(
        string template, string messages, Func<ChatTemplateInput, ChatTemplateInput>? with = null)
    {
        var input = new ChatTemplateInput { Messages = Json(messages) };
        return ChatTemplate.Parse(template).Render(with?.Invoke(input) ?? input).Text;
    }

    [Test]
    public void ToolCallArgumentsAsTextAreParsedOnDemand()
    {
        const string Messages = """
            [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{\"a\": 1}"}}]}]
            """;
        const string Template = "{{ messages[0].tool_calls[0].function.arguments.a }}";
        Assert.Multiple(() =>
        {
            Assert.That(Render(Template, Messages), Is.Empty);
            Assert.That(Render(Template, Messages, i => i with { ParseToolCallArguments = true }), Is.EqualTo("1"));
        });
    }

    [Test]
    public void ArgumentsThatAreNoObjectStayText()
    {
        const string Messages = """[{"tool_calls": [{"arguments": "not json"}, {"arguments": "[1]"}]}]""";
        const string Template = "{% for c in messages[0].tool_calls %}{{ c.arguments is string }}{% endfor %}";
        Assert.That(
            Render(Template, Messages, i => i with { ParseToolCallArguments = true }), Is.EqualTo("TrueTrue"));
    }

    [Test]
    public void AnEmptyConversationIsAValueError() => Assert.That(
        () => Render("x", "[]"),
        Throws.TypeOf<TemplateException>().With.Property("Kind").EqualTo(TemplateErrorKind.ValueError));

    [Test]
    public void TheTokensAreVariablesOnlyIfGiven() => Assert.That(
        Render("{{ bos_token }}{{ eos_token is defined }}", "[{}]", i => i with { BosToken = "<s>" }),
        Is.EqualTo("<s>False"));

    [Test]
    public void VariablesWinOverTokens() => Assert.That(
        Render("{{ bos_token }}", "[{}]", i => i with { BosToken = "<s>", Variables = Json("{\"bos_token\": \"B\"}") }),
        Is.EqualTo("B"));

    [Test]
    public void TheRangesOfGenerationBlocksAreCodePoints()
    {
        ChatTemplateResult result = ChatTemplate.Parse("😀{% generation %}é😀{% endgeneration %}x")
            .Render(new ChatTemplateInput { Messages = Json("[{}]") });
        Assert.That(result.AssistantRanges, Is.EqualTo(new[] { (1, 3) }));
    }

    [Test]
    public void AContinuedMessageEndsTheText() => Assert.That(
        Render(
            "{% for m in messages %}<{{ m.content }}>{% endfor %}",
            """[{"content": "a"}, {"content": "b "}]""",
            i => i with { ContinueFinalMessage = "content" }),
        Is.EqualTo("<a><b "));

    private static string Folder(params (string Name, string Text)[] files)
    {
        string folder = Directory.CreateTempSubdirectory("engine-templates").FullName;
        foreach ((string name, string text) in files)
            File.WriteAllText(Path.Combine(folder, name), text);
        return folder;
    }

    [Test]
    public void TheJinjaFileWinsOverTheTokenizerConfig()
    {
        string folder = Folder(
            ("chat_template.jinja", "file"), ("tokenizer_config.json", "{\"chat_template\": \"config\"}"));
        Assert.That(ChatTemplateLoader.Load(folder)!.Source, Is.EqualTo("file"));
    }

    [Test]
    public void NamedTemplatesOfTheTokenizerConfigAreAllLoaded()
    {
        string folder = Folder(("tokenizer_config.json", """
            {"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}]}
            """));
        IReadOnlyDictionary<string, ChatTemplate> all = ChatTemplateLoader.LoadAll(folder);
        Assert.Multiple(() =>
        {
            Assert.That(all["tool_use"].Source, Is.EqualTo("t"));
            Assert.That(ChatTemplateLoader.Load(folder)!.Source, Is.EqualTo("d"));
        });
    }

    [Test]
    public void AFolderWithoutATemplateHasNone() => Assert.That(ChatTemplateLoader.Load(Folder()), Is.Null);

    [TestCase("{\"chat_template\": 5}")]
    [TestCase("{\"chat_template\": [{\"name\": 5}]}")]
    [TestCase("{\"chat_template\": \"{% if %}\"}")]
    [TestCase("not json")]
    public void ABadConfigIsAnErrorThatNamesTheFile(string config) => Assert.That(
        () => ChatTemplateLoader.Load(Folder(("tokenizer_config.json", config))),
        Throws.TypeOf<EngineException>().With.Message.Contains("tokenizer_config.json"));
}
