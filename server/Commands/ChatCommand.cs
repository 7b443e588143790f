using System.CommandLine;
using System.Globalization;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Server.Http.Hosting;
using Engine.Server.Sessions;
using Engine.Server.Terminal;

namespace Engine.Server.Commands;

/// <summary>engine chat: a conversation on the terminal.</summary>
internal sealed class ChatCommand : Command
{
    private const string Help = "/clear forgets the conversation, /exit ends, Ctrl-C stops an answer.";

    private readonly Argument<string?> _modelArgument = new("model")
    {
        Description = "Folder, .gguf file or name on the hub. Default: the demo model.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _system = new("--system") { Description = "System message." };

    private readonly Option<string?> _template = new("--chat-template")
    {
        Description = "File with a Jinja template, or the template itself.",
    };

    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "No progress, hints and figures." };

    private readonly ModelArguments _model = new();
    private readonly EngineArguments _engine = new();
    private readonly SamplingArguments _sampling = new();

    public ChatCommand()
        : base("chat", "Talks with a model on the terminal.")
    {
        Arguments.Add(_modelArgument);
        Options.Add(_system);
        Options.Add(_template);
        Options.Add(_quiet);
        _model.AddTo(this);
        _sampling.AddTo(this);
        _engine.AddTo(this);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        _sampling.Check(result);
        bool isQuiet = result.GetValue(_quiet);
        using ProgressBar? progress = isQuiet ? null : ProgressBar.OnStandardError();
        long seed = result.GetValue(_engine.Seed);
        ModelLoadOptions load = _model.ToOptions(result, result.GetValue(_modelArgument), seed, progress);
        using EngineSession session = EngineSession.Open(
            load, _engine.ToOptions(result, load.MaxModelLen), cancellation);
        progress?.Dispose();
        IChatRenderer renderer = session.ChatRenderer(result.GetValue(_template), "auto");
        SamplingParams sampling = _sampling.ToParams(
            result,
            session.DefaultSampling with { MaxTokens = null },
            result.GetResult(_engine.Seed) is { Implicit: false } ? seed : null);
        if (!isQuiet)
        {
            Console.Error.WriteLine(Help);
        }

        await TalkAsync(session, renderer, sampling, result.GetValue(_system), isQuiet, cancellation);
        return 0;
    }

    private static async Task TalkAsync(
        EngineSession session,
        IChatRenderer renderer,
        SamplingParams sampling,
        string? system,
        bool isQuiet,
        CancellationToken cancellation)
    {
        bool isTerminal = !Console.IsInputRedirected;
        List<(string Role, string Text)> messages = Begin(system);
        while (true)
        {
            if (isTerminal)
            {
                Console.Write("> ");
            }

            string? line = await Console.In.ReadLineAsync(cancellation);
            switch (line?.Trim())
            {
                case null or "/exit" or "/quit":
                    return;
                case "":
                    continue;
                case "/help":
                    Console.Error.WriteLine(Help);
                    continue;
                case "/clear":
                    messages = Begin(system);
                    continue;
                default:
                    break;
            }

            messages.Add(("user", line));
            messages.Add(("assistant", await AnswerAsync(session, renderer, sampling, messages, isQuiet)));
        }
    }

    private static List<(string Role, string Text)> Begin(string? system) =>
        system is null ? [] : [("system", system)];

    private static async Task<string> AnswerAsync(
        EngineSession session,
        IChatRenderer renderer,
        SamplingParams sampling,
        List<(string Role, string Text)> messages,
        bool isQuiet)
    {
        using var interrupt = new Interrupt();
        ChatPrompt prompt = renderer.Render(ConversationFields.Create(messages));
        var request = new GenerationRequest
        {
            PromptTokenIds = session.Worker.Tokenizer!.EncodePrompt(prompt.Text, prompt.Cuts, addSpecialTokens: false),
            Sampling = sampling,
        };
        GenerationResult done = await TextGeneration.RunAsync(
            session.Worker,
            request,
            piece =>
            {
                Console.Write(piece);
                Console.Out.Flush();
            },
            interrupt.Token);
        Console.WriteLine();
        if (!isQuiet)
        {
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"[{done.TokenIds.Count} tokens, {done.DecodeTokensPerS:F1} tokens/s]"));
        }

        return done.Text;
    }
}
