using System.Text.Json;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Protocol;
using Engine.Tokenization.Templating;

namespace Engine.Server.Tests.Http;

/// <summary>Messages of the role "developer".</summary>
[TestFixture]
public sealed class DeveloperRoleTests
{
    private const string Template =
        "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}";

    [TestCase(Template, "system: Be brief.\nuser: Hi\n")]
    [TestCase("{# developer #}" + Template, "developer: Be brief.\nuser: Hi\n")]
    public void ItIsTheSystemToATemplateThatDoesNotKnowIt(string template, string expected)
    {
        var renderer = new TemplateChatRenderer(ChatTemplate.Parse(template), null, null, "auto");
        ChatPrompt prompt = renderer.Render(new ChatFields
        {
            Messages = JsonDocument.Parse(
                """[{"role":"developer","content":"Be brief."},{"role":"user","content":"Hi"}]""").RootElement,
        });
        Assert.That(prompt.Text, Is.EqualTo(expected));
    }
}
