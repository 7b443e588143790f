using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Engine.Server.Http;
using Engine.Server.Http.Json;
using Engine.Server.Terminal;
using Engine.Tokenization.Templating;

namespace Engine.Server.Commands;

/// <summary>engine template: a conversation through a chat template.</summary>
internal sealed class TemplateCommand : Command
{
    private readonly Argument<string?> _folder = new("model")
    {
        Description = "Folder whose chat template is used. Default: the demo model.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _model = new("--model", "-m") { Description = "The same as an option." };

    private readonly Option<string?> _file = new("--file", "-f") { Description = "A .jinja file instead." };

    private readonly Option<bool> _jsonLines = new("--jsonl")
    {
        Description = "Renders JSON objects from standard input, line by line, to {text} or {error, message}.",
    };

    public TemplateCommand()
        : base("template", "Renders a conversation, read as JSON from standard input, to a prompt.")
    {
        Arguments.Add(_folder);
        Options.Add(_model);
        Options.Add(_file);
        Options.Add(_jsonLines);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        string? folder = result.GetValue(_folder) ?? result.GetValue(_model);
        string? file = result.GetValue(_file);
        if (result.GetValue(_jsonLines))
        {
            // Without a template every line brings its own: {"source", "context"}.
            Lazy<ChatTemplate>? template = file is null && folder is null
                ? null
                : new Lazy<ChatTemplate>(() => Load(file, folder));
            int numErrors = await JsonLines.RunAsync(
                Console.OpenStandardInput(),
                Console.OpenStandardOutput(),
                (body, json) => Answer(template, body, json),
                cancellation);
            return numErrors == 0 ? 0 : 1;
        }

        return RenderOne(Load(file, folder ?? DemoModel.Find()), await ReadAsync(cancellation));
    }

    private static int RenderOne(ChatTemplate template, byte[] body)
    {
        using JsonDocument document = StrictJson.ParseObject(
            body.AsSpan().TrimStart(" \r\n\t"u8) is [(byte)'[', ..] ? [.. "{\"messages\":"u8, .. body, .. "}"u8] : body);
        try
        {
            Console.Write(template.Render(Input(document.RootElement)).Text);
            return 0;
        }
        catch (TemplateException e)
        {
            Console.Error.WriteLine($"engine: {e.Kind}: {e.Message}");
            return 1;
        }
    }

    private static async Task<byte[]> ReadAsync(CancellationToken cancellation)
    {
        using var body = new MemoryStream();
        await Console.OpenStandardInput().CopyToAsync(body, cancellation);
        return body.ToArray();
    }

    private static ChatTemplate Load(string? file, string? folder)
    {
        if (file is null)
        {
            return ChatTemplateLoader.Load(folder!)
                ?? throw new EngineException(EngineStatus.NotFound, $"{folder}: there is no chat template", "model");
        }

        return ChatTemplate.Parse(File.ReadAllText(file));
    }

    private static void Answer(Lazy<ChatTemplate>? template, JsonElement body, Utf8JsonWriter json)
    {
        try
        {
            string text = template is null || Fields.TryGet(body, "source", out _)
                ? RenderSource(body)
                : template.Value.Render(Input(body)).Text;
            json.WriteStartObject();
            json.WriteString("text", text);
            json.WriteEndObject();
        }
        catch (TemplateException e)
        {
            json.Reset();
            json.WriteStartObject();
            json.WriteString("error", e.Kind.ToString());
            json.WriteString("message", e.Message);
            json.WriteEndObject();
        }
    }

    private static string RenderSource(JsonElement body)
    {
        string source = Fields.GetString(body, "source")
            ?? throw ApiException.BadRequest("source: is needed where no template is named.", "source");
        return JinjaTemplate.Parse(source).Render(Fields.GetObject(body, "context") ?? default, Now(body));
    }

    /// <summary>Reads a case: messages, tools, documents, now, kwargs and how to end the prompt.</summary>
    private static ChatTemplateInput Input(JsonElement body) => new()
    {
        Messages = Fields.GetArray(body, "messages")
            ?? throw ApiException.BadRequest("messages: a list is needed.", "messages"),
        Tools = Fields.GetArray(body, "tools") ?? default,
        Documents = Fields.GetArray(body, "documents") ?? default,
        Variables = Fields.GetObject(body, "kwargs") ?? Fields.GetObject(body, "chat_template_kwargs") ?? default,
        AddGenerationPrompt = Fields.GetBool(body, "add_generation_prompt") ?? !Continues(body),
        ContinueFinalMessage = ContinuedField(body),
        Now = Now(body),
    };

    private static bool Continues(JsonElement body) => ContinuedField(body) is not null;

    private static string? ContinuedField(JsonElement body)
    {
        const string name = "continue_final_message";
        if (!Fields.TryGet(body, name, out JsonElement value))
        {
            return null;
        }

        return value.ValueKind switch
        {
            JsonValueKind.True => "content",
            JsonValueKind.False => null,
            JsonValueKind.String => value.GetString(),
            _ => throw Fields.Wrong(name, "a boolean or a field's name", value),
        };
    }

    private static DateTime? Now(JsonElement body)
    {
        if (Fields.GetString(body, "now") is not { } text)
        {
            return null;
        }

        return DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTime now)
            ? now
            : throw ApiException.BadRequest("now: must be a date and time such as 2026-11-20T09:05:03.", "now");
    }
}
