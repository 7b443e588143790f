using System.Text.Json;
using Engine.Chat;
using Engine.Server.Http.Json;
using Engine.Server.Http.Protocol;
using Engine.Server.Terminal;
using Engine.Tokenization.Templating;

namespace Engine.Server.Http.Hosting;

/// <summary>Renders by a Jinja template, the model's or the operator's.</summary>
internal sealed class TemplateChatRenderer : IChatRenderer
{
    private readonly ChatTemplate? _template;
    private readonly string? _bosToken;
    private readonly string? _eosToken;
    private readonly string _contentFormat;
    private readonly ControlTokens? _controlTokens;

    /// <param name="template">Null if the model has none; a request may then still bring its own.</param>
    /// <param name="bosToken">Text of the token that begins a prompt, or null.</param>
    /// <param name="eosToken">Text of the token that ends an answer, or null.</param>
    /// <param name="contentFormat">"auto", "string" or "openai".</param>
    /// <param name="controlTokens">What messages may not write; null lets them.</param>
    public TemplateChatRenderer(
        ChatTemplate? template,
        string? bosToken,
        string? eosToken,
        string contentFormat,
        ControlTokens? controlTokens = null)
    {
        _template = template;
        _bosToken = bosToken;
        _eosToken = eosToken;
        _contentFormat = contentFormat;
        _controlTokens = controlTokens;
    }

    public ChatPrompt Render(ChatFields chat)
    {
        try
        {
            ChatTemplate template = chat.Template is not null
                ? ChatTemplate.Parse(chat.Template)
                : _template ?? throw ApiException.BadRequest(
                    "messages: the model has no chat template; start the server with --chat-template.", "messages");
            ChatTemplateResult result = template.Render(new ChatTemplateInput
            {
                Messages = Messages(chat, template),
                Tools = chat.ToolFields.Tools ?? default,
                Documents = chat.Documents ?? default,
                Variables = Variables(chat),
                AddGenerationPrompt = chat.AddGenerationPrompt,
                ContinueFinalMessage = chat.ContinueFinalMessage ? "content" : null,
                BosToken = _bosToken,
                EosToken = _eosToken,
                ParseToolCallArguments = true,
                ControlTokens = _controlTokens,
            });
            return new ChatPrompt(result.Text, result.Cuts);
        }
        catch (TemplateException e)
        {
            throw ApiException.BadRequest(
                $"messages: the chat template refused them: {e.Kind}: {e.Message}", "messages");
        }
    }

    private JsonElement Messages(ChatFields chat, ChatTemplate template)
    {
        JsonElement messages = DeveloperRole.Translate(chat.Messages, template.Source);
        return TakesParts(template) ? messages : ContentParts.Flatten(messages);
    }

    // A template that walks over the content wants the parts; one that prints it wants one text.
    private bool TakesParts(ChatTemplate template) => _contentFormat switch
    {
        "openai" => true,
        "string" => false,
        _ => ContentParts.AreTakenBy(template),
    };

    private static JsonElement Variables(ChatFields chat)
    {
        if (chat.ReasoningEffort is not { } effort)
        {
            return chat.TemplateArguments ?? default;
        }

        return JsonText.Element(json =>
        {
            json.WriteStartObject();
            json.WriteString("reasoning_effort", effort);
            if (chat.TemplateArguments is { } arguments)
            {
                foreach (JsonProperty argument in arguments.EnumerateObject())
                {
                    if (argument.Name != "reasoning_effort")
                    {
                        argument.WriteTo(json);
                    }
                }
            }

            json.WriteEndObject();
        });
    }
}
