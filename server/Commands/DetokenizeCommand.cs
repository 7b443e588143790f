using System.CommandLine;
using System.Globalization;
using Engine.Server.Http.Protocol;
using Engine.Server.Terminal;
using Engine.Tokenization;

namespace Engine.Server.Commands;

/// <summary>engine detokenize: ids to text.</summary>
internal sealed class DetokenizeCommand : Command
{
    private readonly TokenizerArguments _arguments = new(
        "ids", "Folder (unless an option names it), then the ids; no ids reads standard input.");

    private readonly Option<bool> _skipSpecial = new("--skip-special-tokens")
    {
        Description = "Leaves special tokens out of the text.",
    };

    public DetokenizeCommand()
        : base("detokenize", "Turns token ids into text.")
    {
        _arguments.AddTo(this);
        Options.Add(_skipSpecial);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        (string folder, string[] words) = _arguments.Read(result);
        ITokenizer tokenizer = TokenizerArguments.Load(folder);
        if (result.GetValue(_arguments.JsonLines))
        {
            int numErrors = await JsonLines.RunAsync(
                Console.OpenStandardInput(),
                Console.OpenStandardOutput(),
                (body, json) =>
                {
                    DetokenizeFields fields = DetokenizeFields.Parse(body, tokenizer.VocabSize);
                    TokenizeBodies.WriteDetokenized(json, tokenizer.Decode(fields.TokenIds, fields.SkipSpecialTokens));
                },
                cancellation);
            return numErrors == 0 ? 0 : 1;
        }

        int[] ids = ParseIds(
            words.Length > 0 ? string.Join(' ', words) : await Console.In.ReadToEndAsync(cancellation));
        string text = tokenizer.Decode(ids, result.GetValue(_skipSpecial));
        Console.WriteLine(result.GetValue(_arguments.Json)
            ? JsonText.Write(json => TokenizeBodies.WriteDetokenized(json, text))
            : text);
        return 0;
    }

    private static int[] ParseIds(string text)
    {
        string[] parts = text.Split(
            [' ', ',', '\n', '\r', '\t', '[', ']'], StringSplitOptions.RemoveEmptyEntries);
        return [.. parts.Select(part =>
            int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                ? id
                : throw EngineException.Invalid("ids", $"'{part}' is no token id"))];
    }
}
