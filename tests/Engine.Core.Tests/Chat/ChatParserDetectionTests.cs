using System.IO.Compression;
using System.Text.Json;
using Engine.Chat;

namespace Engine.Tests.Chat;

/// <summary>The formats of real chat templates.</summary>
internal sealed class ChatParserDetectionTests
{
    private static readonly Lazy<Dictionary<string, string>> Templates = new(() =>
    {
        using var packed = new GZipStream(
            File.OpenRead(Path.Combine(TestPaths.Data, "chat-templates", "templates.json.gz")),
            CompressionMode.Decompress);
        using JsonDocument document = JsonDocument.Parse(packed);
        return document.RootElement.EnumerateObject()
            .ToDictionary(item => item.Name, item => item.Value.GetString()!, StringComparer.Ordinal);
    });

    [TestCase("Qwen-Qwen2.5-7B-Instruct", "hermes", null)]
    [TestCase("Qwen-QwQ-32B", "hermes", "qwen3")]
    [TestCase("Qwen3-Coder", "qwen3_coder", null)]
    [TestCase("NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use", "hermes", null)]
    [TestCase("meta-llama-Llama-3.3-70B-Instruct", "llama3_json", null)]
    [TestCase("Mistral-Small-3.2-24B-Instruct-2506", "mistral", null)]
    [TestCase("mistralai-Ministral-3-14B-Reasoning-2512", "mistral", "mistral")]
    [TestCase("mistralai-Mistral-Nemo-Instruct-2407", "mistral_pre_v11", null)]
    [TestCase("deepseek-ai-DeepSeek-V3.1", "deepseek_v31", "deepseek_r1")]
    [TestCase("deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", "deepseek_v3", "deepseek_r1")]
    [TestCase("GLM-4.6", "glm45", "glm45")]
    [TestCase("Kimi-K2-Thinking", "kimi_k2", "kimi_k2")]
    [TestCase("ibm-granite-granite-3.3-2B-Instruct", "granite", "deepseek_r1")]
    [TestCase("ibm-granite-granite-4.0", "granite4", null)]
    [TestCase("openai-gpt-oss-120b", "openai", "openai")]
    [TestCase("google-gemma-2-2b-it", null, null)]
    [TestCase("ByteDance-Seed-OSS", null, null)]
    [TestCase("meetkai-functionary-medium-v3.1", null, null)]
    public void ATemplateTellsItsFormats(string name, string? tools, string? reasoning)
    {
        string template = Templates.Value[name];
        Assert.That(
            (ChatParserDetection.ToolParser(template), ChatParserDetection.ReasoningParser(template)),
            Is.EqualTo((tools, reasoning)));
    }

    [TestCase("<think>\n", false, ThoughtStart.AsFormat)]
    [TestCase("<|im_start|>assistant\n", false, ThoughtStart.IfTagged)]
    [TestCase("<|im_start|>assistant\n", true, ThoughtStart.AsFormat)]
    [TestCase("<think>\n\n</think>\n\n", true, ThoughtStart.Over)]
    public void APromptTellsWhereTheOutputBegins(string prompt, bool isNamed, ThoughtStart expected) =>
        Assert.That(ChatParserDetection.ThoughtStartOf("qwen3", prompt, isNamed), Is.EqualTo(expected));
}
