using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Engine.Server.Http.Protocol;
using Engine.Server.Terminal;
using Engine.Tokenization;

namespace Engine.Server.Commands;

/// <summary>engine detokenize: ids to text.</summary>
internal sealed class DetokenizeCommand : TokenizerCommand
{
    private readonly Option<bool> _skipSpecial = new("--skip-special-tokens")
    {
        Description = "Leaves special tokens out of the text.",
    };

    public DetokenizeCommand()
        : base(
            "detokenize", "Turns token ids into text.",
            "ids", "Folder (unless an option names it), then the ids; no ids reads standard input.") =>
        Options.Add(_skipSpecial);

    protected override void Answer(ITokenizer tokenizer, JsonElement body, Utf8JsonWriter json)
    {
        DetokenizeFields fields = DetokenizeFields.Parse(body, tokenizer.VocabSize);
        TokenizeBodies.WriteDetokenized(json, tokenizer.Decode(fields.TokenIds, fields.SkipSpecialTokens));
    }

    protected override void Print(ITokenizer tokenizer, string input, ParseResult result, bool asJson)
    {
        string text = tokenizer.Decode(ParseIds(input), result.GetValue(_skipSpecial));
        Console.WriteLine(asJson ? JsonText.Write(json => TokenizeBodies.WriteDetokenized(json, text)) : text);
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
