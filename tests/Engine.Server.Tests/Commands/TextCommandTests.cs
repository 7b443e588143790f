using System.Text.Json;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Commands;

/// <summary>tokenize, detokenize, template and version, as processes.</summary>
[TestFixture]
public sealed class TextCommandTests
{
    [Test]
    public async Task TokenizeAnswersLineByLine()
    {
        (int code, string output, _) = await EngineProcess.RunAsync(
            "{\"prompt\":\"Hello\"}\n\n{\"prompt\":\"\",\"add_special_tokens\":false}\n{\"prompt\":\"Caf\\u00e9 \u00fcber\"}",
            "tokenize", EngineProcess.DemoModelFolder, "--jsonl");
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.Zero);
            Assert.That(lines, Has.Length.EqualTo(3));
            Assert.That(lines[1], Is.EqualTo("""{"count":0,"tokens":[]}"""));
        }
    }

    [Test]
    public async Task DetokenizeUndoesTokenize()
    {
        const string text = "Once upon a time, \u00fcber \u65e5\u672c \U0001F600!";
        (_, string tokens, _) = await EngineProcess.RunAsync(
            JsonSerializerText(text), "tokenize", "--model", EngineProcess.DemoModelFolder, "--jsonl");
        (int code, string output, _) = await EngineProcess.RunAsync(
            tokens, "detokenize", "--model", EngineProcess.DemoModelFolder, "--jsonl");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.Zero);
            Assert.That(JsonDocument.Parse(output).RootElement.GetProperty("prompt").GetString(), Is.EqualTo(text));
        }
    }

    [Test]
    public async Task ABadLineIsAnsweredAndTheNextGoesOn()
    {
        (int code, string output, _) = await EngineProcess.RunAsync(
            "{\"prompt\":5}\nnot json\n{\"prompt\":\"a\"}\n", "tokenize", EngineProcess.DemoModelFolder, "--jsonl");
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.EqualTo(1));
            Assert.That(lines, Has.Length.EqualTo(3));
            Assert.That(lines[0], Does.StartWith("""{"error":{"message":"prompt"""));
            Assert.That(lines[2], Does.StartWith("""{"count":1"""));
        }
    }

    [Test]
    public async Task TokenizeTakesATextAsAnArgument()
    {
        (int code, string output, _) = await EngineProcess.RunAsync(
            "", "tokenize", EngineProcess.DemoModelFolder, "Once upon", "--json");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.Zero);
            Assert.That(JsonDocument.Parse(output).RootElement.GetProperty("count").GetInt32(), Is.EqualTo(2));
        }
    }

    [Test]
    public async Task TemplateRendersSources()
    {
        (int code, string output, _) = await EngineProcess.RunAsync(
            "{\"source\":\"{{ a + 1 }}\",\"context\":{\"a\":2}}\n{\"source\":\"{{ x.y }}\"}\n{\"source\":\"{% if %}\"}\n",
            "template", "--jsonl");
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.Zero);
            Assert.That(lines[0], Is.EqualTo("""{"text":"3"}"""));
            Assert.That(lines[1], Does.StartWith("""{"error":"UndefinedError","message":"""));
            Assert.That(lines[2], Does.StartWith("""{"error":"TemplateSyntaxError","message":"""));
        }
    }

    [Test]
    public async Task TemplateRendersCasesWithAFile()
    {
        string file = Path.Combine(EngineProcess.DemoModelFolder, "chat_template.jinja");
        (int code, string output, _) = await EngineProcess.RunAsync(
            "{\"name\":\"user\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"add_generation_prompt\":true,\"kwargs\":{\"bos_token\":\"<s>\"}}",
            "template", "--file", file, "--jsonl");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.Zero);
            Assert.That(
                JsonDocument.Parse(output).RootElement.GetProperty("text").GetString(),
                Does.EndWith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"));
        }
    }

    [Test]
    public async Task VersionIsReadableByAProgram()
    {
        (int code, string output, _) = await EngineProcess.RunAsync("", "version", "--json");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.Zero);
            Assert.That(
                JsonDocument.Parse(output).RootElement.GetProperty("version").GetString(), Does.Match(@"^\d+\.\d+"));
        }
    }

    [TestCase("run", "--model", "/nonexistent/model", "x")]
    [TestCase("tokenize", "--model", "/nonexistent/model", "x")]
    [TestCase("plan", "/nonexistent/model")]
    [TestCase("template", "--file", "/nonexistent/model")]
    public async Task AMissingModelIsNamedInOneLine(params string[] arguments)
    {
        (int code, string output, string error) = await EngineProcess.RunAsync("[]", arguments);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.EqualTo(1));
            Assert.That(output, Is.Empty);
            Assert.That(error, Does.Contain("/nonexistent/model").And.Not.Contain("   at "));
        }
    }

    [Test]
    public async Task AMistypedCommandIsExplained()
    {
        (int code, _, string error) = await EngineProcess.RunAsync("", "rum");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.EqualTo(1));
            Assert.That(error, Does.Contain("rum"));
        }
    }

    private static string JsonSerializerText(string prompt) =>
        "{\"prompt\":\"" + JsonEncodedText.Encode(prompt) + "\",\"add_special_tokens\":false}";
}
