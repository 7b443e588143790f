using System.CommandLine;
using Engine.Tokenization;

namespace Engine.Server.Commands;

/// <summary>Which tokenizer, and what to do with it: shared by tokenize and detokenize.</summary>
internal sealed class TokenizerArguments
{
    private readonly Argument<string[]> _words;

    private readonly Option<string?> _model = new("--model", "-m")
    {
        Description = "Folder with a tokenizer; nothing else of the model is needed. Default: the demo model.",
    };

    private readonly Option<string?> _tokenizer = new("--tokenizer") { Description = "The same: folder or file." };

    public TokenizerArguments(string name, string description) => _words = new Argument<string[]>(name)
    {
        Description = description,
        Arity = ArgumentArity.ZeroOrMore,
    };

    public Option<bool> Json { get; } = new("--json") { Description = "One JSON object." };

    public Option<bool> JsonLines { get; } = new("--jsonl")
    {
        Description = "Answers JSON objects from standard input, line by line, as the HTTP route does.",
    };

    public void AddTo(Command command)
    {
        command.Arguments.Add(_words);
        command.Options.Add(_model);
        command.Options.Add(_tokenizer);
        command.Options.Add(Json);
        command.Options.Add(JsonLines);
    }

    /// <summary>The words after the folder, which comes first unless an option names it.</summary>
    public (string Folder, string[] Words) Read(ParseResult result)
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

    public static ITokenizer Load(string folder) => TokenizerLoader.Load(folder);
}
