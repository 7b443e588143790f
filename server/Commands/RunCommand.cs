using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Server.Sessions;
using Engine.Server.Terminal;

namespace Engine.Server.Commands;

/// <summary>engine run: one prompt, its continuation, and how quickly that came.</summary>
internal sealed class RunCommand : Command
{
    private readonly Argument<string?> _promptArgument = new("prompt")
    {
        Description = "The text to continue; - or nothing reads it from standard input.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _prompt = new("--prompt", "-p") { Description = "The same as an option." };

    private readonly Option<bool> _chat = new("--chat")
    {
        Description = "Takes the prompt as a user's message and applies the chat template.",
    };

    private readonly Option<string?> _system = new("--system") { Description = "System message, with --chat." };

    private readonly Option<bool> _json = new("--json") { Description = "One JSON object in place of the text." };

    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "No progress and no figures." };

    private readonly ModelArguments _model = new();
    private readonly EngineArguments _engine = new();
    private readonly SamplingArguments _sampling = new();

    public RunCommand()
        : base("run", "Continues one prompt. Without --model the small demo model answers.")
    {
        Arguments.Add(_promptArgument);
        Options.Add(_prompt);
        Options.Add(_chat);
        Options.Add(_system);
        Options.Add(_json);
        Options.Add(_quiet);
        _model.AddTo(this);
        _sampling.AddTo(this);
        _engine.AddTo(this);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        _sampling.Check(result);
        RefuseModelAsPrompt(result);
        string prompt = await ReadPromptAsync(result, cancellation);
        bool isQuiet = result.GetValue(_quiet) || result.GetValue(_json);
        long seed = result.GetValue(_engine.Seed);
        using var interrupt = new Interrupt(cancellation);
        using ProgressBar? progress = isQuiet ? null : ProgressBar.OnStandardError();
        ModelLoadOptions load = _model.ToOptions(result, null, seed, progress);
        EngineOptions options = _engine.ToOptions(result, load.MaxModelLen);
        using EngineSession session = EngineSession.Open(load, options, interrupt.Token);
        progress?.Dispose();
        SamplingParams sampling = _sampling.ToParams(
            result,
            session.DefaultSampling with { MaxTokens = 256 },
            result.GetResult(_engine.Seed) is { Implicit: false } ? seed : null);
        bool isChat = result.GetValue(_chat);
        var request = new GenerationRequest
        {
            Prompt = isChat ? null : prompt,
            PromptTokenIds = isChat ? session.EncodeChat(result.GetValue(_system), prompt) : null,
            Sampling = sampling,
        };
        bool isJson = result.GetValue(_json);
        // The prompt stands before its continuation, and nowhere if the engine refuses it.
        string heading = isChat ? "" : prompt;
        GenerationResult done = await TextGeneration.RunAsync(
            session.Worker, request, piece => Show(Heading() + piece, isJson), interrupt.Token);
        Console.WriteLine(isJson ? ToJson(done) : Heading());

        if (!isQuiet)
        {
            Console.Error.WriteLine(Summary(done, session.DeviceName));
        }

        return 0;

        string Heading() => Interlocked.Exchange(ref heading, "");
    }

    /// <summary>Most commands take the model where this one takes the prompt.</summary>
    private void RefuseModelAsPrompt(ParseResult result)
    {
        string? text = result.GetValue(_promptArgument);
        bool isModel = text is not null && result.GetValue(_model.Model) is null
            && (File.Exists(text) && text.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)
                || File.Exists(Path.Combine(text, "config.json")));
        if (isModel)
        {
            throw EngineException.Invalid(
                "prompt", $"{text} is a model; name it as one: engine run --model {text} \"Once upon a time\"");
        }
    }

    private static void Show(string piece, bool isJson)
    {
        if (!isJson)
        {
            Console.Write(piece);
            Console.Out.Flush();
        }
    }

    private static string Summary(GenerationResult done, string device) => string.Create(
        CultureInfo.InvariantCulture,
        $"\n{done.NumPromptTokens} prompt tokens, first token after {done.FirstTokenS * 1000:F1} ms; "
        + $"{done.TokenIds.Count} tokens in {done.TotalS:F2} s, {done.DecodeTokensPerS:F1} tokens/s; "
        + $"{done.FinishReason.ToString().ToLowerInvariant()}; {device}");

    private static string ToJson(GenerationResult done) => JsonText.Write(json =>
    {
        json.WriteStartObject();
        json.WriteString("text", done.Text);
        json.WriteStartArray("token_ids");
        foreach (int id in done.TokenIds)
        {
            json.WriteNumberValue(id);
        }

        json.WriteEndArray();
        json.WriteString("finish_reason", done.FinishReason.ToString().ToLowerInvariant());
        json.WriteNumber("prompt_tokens", done.NumPromptTokens);
        json.WriteNumber("completion_tokens", done.TokenIds.Count);
        json.WriteNumber("time_to_first_token_s", done.FirstTokenS);
        json.WriteNumber("total_s", done.TotalS);
        json.WriteNumber("decode_tokens_per_s", done.DecodeTokensPerS);
        json.WriteEndObject();
    });

    private async Task<string> ReadPromptAsync(ParseResult result, CancellationToken cancellation)
    {
        string? prompt = result.GetValue(_prompt) ?? result.GetValue(_promptArgument);
        if (prompt is not (null or "-"))
        {
            return prompt;
        }

        if (prompt is null && !Console.IsInputRedirected)
        {
            throw EngineException.Invalid("prompt", "is missing; example: engine run \"Once upon a time\"");
        }

        string text = await Console.In.ReadToEndAsync(cancellation);
        return text.EndsWith('\n') ? text[..^1] : text;
    }
}
