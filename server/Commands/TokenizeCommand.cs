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
internal sealed class TokenizeCommand : Command
{
    private readonly TokenizerArguments _arguments = new(
        "text", "Folder (unless an option names it), then the text; no text reads standard input.");

    private readonly Option<bool> _noSpecial = new("--no-special-tokens")
    {
        Description = "Leaves out what the tokenizer adds around a text.",
    };

    private readonly Option<bool> _count = new("--count") { Description = "Prints the number alone." };

    public TokenizeCommand()
        : base("tokenize", "Turns text into token ids.")
    {
        _arguments.AddTo(this);
        Options.Add(_noSpecial);
        Options.Add(_count);
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
                (body, json) => Answer(tokenizer, body, json),
                cancellation);
            return numErrors == 0 ? 0 : 1;
        }

        string text = words.Length > 0 ? string.Join(' ', words) : await Console.In.ReadToEndAsync(cancellation);
        int[] ids = tokenizer.Encode(text, !result.GetValue(_noSpecial));
        Print(result, tokenizer, ids);
        return 0;
    }

    private static void Answer(ITokenizer tokenizer, JsonElement body, Utf8JsonWriter json)
    {
        string prompt = Fields.GetString(body, "prompt")
            ?? throw ApiException.BadRequest("prompt: is needed.", "prompt");
        int[] ids = tokenizer.Encode(prompt, Fields.GetBool(body, "add_special_tokens") ?? true);
        bool names = Fields.GetBool(body, "return_token_strs") ?? false;
        TokenizeBodies.WriteTokenized(json, ids, null, names ? tokenizer : null);
    }

    private void Print(ParseResult result, ITokenizer tokenizer, int[] ids)
    {
        if (result.GetValue(_arguments.Json))
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
