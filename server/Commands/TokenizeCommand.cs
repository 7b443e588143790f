using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Engine.Server.Http;
using Engine.Server.Http.Json;
using Engine.Server.Http.Protocol;
using Engine.Server.Terminal;
using Engine.Tokenization;

namespace Engine.Server.Commands;

/// <summary>engine tokenize: text to ids.</summary>
internal sealed class TokenizeCommand : TokenizerCommand
{
    private readonly Option<bool> _noSpecial = new("--no-special-tokens")
    {
        Description = "Leaves out what the tokenizer adds around a text.",
    };

    private readonly Option<bool> _count = new("--count") { Description = "Prints the number alone." };

    public TokenizeCommand()
        : base(
            "tokenize", "Turns text into token ids.",
            "text", "Folder (unless an option names it), then the text; no text reads standard input.")
    {
        Options.Add(_noSpecial);
        Options.Add(_count);
    }

    protected override void Answer(ITokenizer tokenizer, JsonElement body, Utf8JsonWriter json)
    {
        string prompt = Fields.GetString(body, "prompt")
            ?? throw ApiException.BadRequest("prompt: is needed.", "prompt");
        int[] ids = tokenizer.Encode(prompt, Fields.GetBool(body, "add_special_tokens") ?? true);
        bool names = Fields.GetBool(body, "return_token_strs") ?? false;
        TokenizeBodies.WriteTokenized(json, ids, null, names ? tokenizer : null);
    }

    protected override void Print(ITokenizer tokenizer, string input, ParseResult result, bool asJson)
    {
        int[] ids = tokenizer.Encode(input, !result.GetValue(_noSpecial));
        if (asJson)
        {
            Console.WriteLine(JsonText.Write(json => TokenizeBodies.WriteTokenized(json, ids, null, tokenizer)));
        }
        else if (result.GetValue(_count))
        {
            Console.WriteLine(ids.Length.ToString(CultureInfo.InvariantCulture));
        }
        else if (Console.IsOutputRedirected)
        {
            Console.WriteLine(string.Join(' ', ids));
        }
        else
        {
            foreach (int id in ids)
            {
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"{id,8}  {tokenizer.IdToToken(id)}"));
            }
        }
    }
}
