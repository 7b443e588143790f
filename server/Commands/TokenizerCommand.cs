using System.CommandLine;
using System.Text.Json;
using Engine.Server.Terminal;
using Engine.Tokenization;

namespace Engine.Server.Commands;

/// <summary>A command that needs nothing of a model but its tokenizer.</summary>
internal abstract class TokenizerCommand : Command
{
    private readonly Argument<string[]> _words;

    private readonly Option<string?> _model = new("--model", "-m")
    {
        Description = "Folder with a tokenizer; nothing else of the model is needed. Default: the demo model.",
    };

    private readonly Option<string?> _tokenizer = new("--tokenizer") { Description = "The same: folder or file." };

    private readonly Option<bool> _json = new("--json") { Description = "One JSON object." };

    private readonly Option<bool> _jsonLines = new("--jsonl")
    {
        Description = "Answers JSON objects from standard input, line by line, as the HTTP route does.",
    };

    protected TokenizerCommand(string name, string description, string words, string wordsDescription)
        : base(name, description)
    {
        _words = new Argument<string[]>(words)
        {
            Description = wordsDescription,
            Arity = ArgumentArity.ZeroOrMore,
        };
        Arguments.Add(_words);
        Options.Add(_model);
        Options.Add(_tokenizer);
        Options.Add(_json);
        Options.Add(_jsonLines);
        SetAction(RunAsync);
    }

    /// <summary>Answers one line of --jsonl.</summary>
    protected abstract void Answer(ITokenizer tokenizer, JsonElement body, Utf8JsonWriter json);

    /// <summary>Prints what comes of the words.</summary>
    /// <param name="tokenizer">The tokenizer named, or the demo model's.</param>
    /// <param name="input">The words, or standard input.</param>
    /// <param name="result">The command line.</param>
    /// <param name="asJson">True for one JSON object.</param>
    protected abstract void Print(ITokenizer tokenizer, string input, ParseResult result, bool asJson);

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        (string folder, string[] words) = Read(result);
        ITokenizer tokenizer = TokenizerLoader.Load(folder);
        if (result.GetValue(_jsonLines))
        {
            int numErrors = await JsonLines.RunAsync(
                Console.OpenStandardInput(),
                Console.OpenStandardOutput(),
                (body, json) => Answer(tokenizer, body, json),
                cancellation);
            return numErrors == 0 ? 0 : 1;
        }

        string input = words.Length > 0 ? string.Join(' ', words) : await Console.In.ReadToEndAsync(cancellation);
        Print(tokenizer, input, result, result.GetValue(_json));
        return 0;
    }

    /// <summary>The words after the folder, which comes first unless an option names it.</summary>
    private (string Folder, string[] Words) Read(ParseResult result)
    {
        string[] words = result.GetValue(_words) ?? [];
        if ((result.GetValue(_tokenizer) ?? result.GetValue(_model)) is { } named)
        {
            return (named, words);
        }

        return words.Length > 0 && (Directory.Exists(words[0]) || File.Exists(words[0]))
            ? (words[0], words[1..])
            : (DemoModel.Find(), words);
    }
}
