using Engine.Tokenization.Text;

namespace Engine.Tokenization.PreTokenizers;

/// <summary>
/// Cuts where the script changes. Hiragana and Katakana count as Han, a space takes the script of
/// what precedes it (and is dropped where nothing does, as in the reference), and Common and
/// Inherited are scripts of their own.
/// </summary>
internal sealed class UnicodeScriptsPreTokenizer : PreTokenizer
{
    private const byte Any = 0;
    private const byte Han = 254;
    private static readonly Lazy<byte[]> Scripts = new(MakeScripts);

    public override void Apply(PreTokens tokens)
    {
        byte[] scripts = Scripts.Value;
        ReadOnlySpan<int> codes = tokens.Text.Codes;
        tokens.BeginWords();
        foreach ((int start, int end) in tokens.Words)
        {
            int from = -1;
            int last = -1;
            for (int i = start; i < end; i++)
            {
                int script = Script(scripts, codes[i]);
                if (script == Any || script == last)
                {
                    continue;
                }

                if (from >= 0)
                {
                    tokens.AddWord(from, i);
                }

                from = i;
                last = script;
            }

            if (from >= 0)
            {
                tokens.AddWord(from, end);
            }
        }

        tokens.CommitWords();
    }

    private static byte Script(byte[] scripts, int c) =>
        c == 0x30FC ? Han : c == ' ' ? Any : scripts[c];

    private static byte[] MakeScripts()
    {
        byte[] scripts = new byte[CodePoints.Limit];
        byte next = 1;
        Dictionary<int[], byte> numbers = [];
        foreach ((string name, int[] bounds) in UnicodeTables.Scripts)
        {
            if (!numbers.TryGetValue(bounds, out byte number))
            {
                numbers.Add(bounds, number = next++);
            }

            bool han = name is "han" or "hani" or "hiragana" or "hira" or "katakana" or "kana";
            number = han ? Han : number;
            for (int i = 0; i < bounds.Length; i += 2)
            {
                scripts.AsSpan(bounds[i]..bounds[i + 1]).Fill(number);
            }
        }

        return scripts;
    }
}
