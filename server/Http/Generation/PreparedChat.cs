using System.Text.Json;
using Engine.Chat;
using Engine.Sampling;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;
using Engine.Server.Http.Protocol;

namespace Engine.Server.Http.Generation;

/// <summary>A conversation that is ready to be answered, whatever the route words the answer as.</summary>
/// <param name="Job">The generation.</param>
/// <param name="Fields">What the request says besides sampling.</param>
/// <param name="Reading">How to find calls and thoughts in an output.</param>
internal sealed record PreparedChat(GenerationJob Job, ChatFields Fields, ChatReading Reading)
{
    /// <summary>The same of a body that was made of another route's, whose fields errors name.</summary>
    /// <param name="fieldOf">The route's field that one of the chat body was made of; null if it is the same.</param>
    /// <param name="body">The chat body.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">Limits.</param>
    /// <param name="endpoint">The route's own rules.</param>
    public static PreparedChat CreateOf(
        Func<string?, string?> fieldOf, JsonElement body, ServedModel model, ServerOptions options,
        EndpointSampling endpoint)
    {
        try
        {
            return Create(body, model, options, endpoint);
        }
        catch (ApiException e) when (fieldOf(e.Param) is { } field)
        {
            throw new ApiException(e.StatusCode, $"{field}: {e.Message}", field, e.Type)
            {
                RetryAfterS = e.RetryAfterS,
            };
        }
    }

    /// <param name="body">A body in the form of /v1/chat/completions.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">Limits.</param>
    /// <param name="endpoint">The route's own rules.</param>
    public static PreparedChat Create(
        JsonElement body, ServedModel model, ServerOptions options, EndpointSampling endpoint)
    {
        ChatFields chat = ChatFields.Parse(body, options);
        GenerationFields fields = GenerationFieldsParser.Parse(
            body,
            model,
            options,
            endpoint with
            {
                Forced = chat.ToolFields.Grammar(model.Formats.Tools),
                KeepsSpecialTokens = model.Engine.Tokenizer is { } tokenizer
                    && ChatReading.NeedsSpecialTokens(model.Formats, chat.ToolFields, tokenizer),
            });
        ChatPrompt rendered = model.Chat.Render(chat);
        if (!options.StructuredOutputs.EnableInReasoning)
        {
            fields = fields with { Sampling = AfterThought(fields.Sampling, chat, model.Formats, rendered.Text) };
        }

        if (fields.Sampling.ThinkingTokenBudget is not null)
        {
            fields = fields with { Sampling = WithThoughts(fields.Sampling, model.Formats, rendered.Text) };
        }

        PromptState prompt = PromptLimits.FromChat(
            rendered, model, Json.Fields.GetBool(body, "add_special_tokens") ?? false, fields.Truncation);
        PromptLimits.CheckRoom(prompt, fields.MaxTokensGiven, model);
        return new PreparedChat(
            new GenerationJob(model, fields, [prompt], options),
            chat,
            ChatReading.Create(
                model.Formats,
                chat.ToolFields,
                rendered.Text,
                Json.Fields.GetBool(body, "include_reasoning") ?? true));
    }

    /// <summary>A model that thinks first thinks freely: what the output has to look like begins after that.</summary>
    private static SamplingParams AfterThought(
        SamplingParams sampling, ChatFields chat, ChatFormats formats, string prompt)
    {
        bool isPlainCall = chat.ToolFields.IsForced && chat.ToolFields.OwnSyntax(formats.Tools) is null;
        ThoughtStart start = ChatParserDetection.ThoughtStartOf(formats.Reasoning, prompt, formats.IsReasoningNamed);
        return sampling.StructuredOutputs is not { AfterReasoning: null } outputs || formats.Reasoning is null
            || isPlainCall || start == ThoughtStart.Over || IsHarmonyCall(chat, formats)
            ? sampling
            : sampling with
            {
                StructuredOutputs = outputs with
                {
                    AfterReasoning = formats.Reasoning,
                    ReasoningIsOptional = start == ThoughtStart.IfTagged
                        || !ChatParsers.AlwaysThinks(formats.Reasoning),
                },
            };
    }

    /// <summary>Whose tags the thought has that has a budget, and whether it has begun.</summary>
    private static SamplingParams WithThoughts(SamplingParams sampling, ChatFormats formats, string prompt) =>
        sampling with
        {
            ReasoningParser = formats.Reasoning,
            StartsInThought = formats.Reasoning is { } parser && ChatParsers.AlwaysThinks(parser)
                && ChatParserDetection.ThoughtStartOf(parser, prompt, formats.IsReasoningNamed)
                    == ThoughtStart.AsFormat,
        };

    // The grammar of its calls leaves room for thoughts already.
    private static bool IsHarmonyCall(ChatFields chat, ChatFormats formats) =>
        formats.Tools == "openai" && chat.ToolFields.OwnSyntax(formats.Tools) is not null;
}
