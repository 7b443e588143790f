using Engine.Tokenization.Text;

namespace Engine.Tokenization.PreTokenizers;

internal enum PrependScheme
{
    Always,
    First,
    Never,
}

/// <summary>Spaces become a visible sign, which also begins words (SentencePiece's way).</summary>
internal sealed class MetaspacePreTokenizer(int replacement, PrependScheme scheme, bool split)
    : PreTokenizer
{
    public override bool NeedsAlignment => scheme == PrependScheme.First;

    public override void Apply(PreTokens tokens)
    {
        NormalizedText text = tokens.Text;
        text.Begin();
        tokens.BeginWords();
        foreach ((int start, int end) in tokens.Words)
        {
            int from = text.NewLength;
            int first = text.Codes[start];
            bool begins = first == ' ' || first == replacement;
            if (!begins && (scheme == PrependScheme.Always
                || (scheme == PrependScheme.First && text.OriginalStart(start) == 0)))
            {
                text.Emit(replacement, start);
            }

            for (int i = start; i < end; i++)
            {
                int c = text.Codes[i];
                text.Emit(c == ' ' ? replacement : c, i);
            }

            tokens.AddWord(from, text.NewLength);
        }

        text.Commit();
        tokens.CommitWords();
        if (split)
        {
            tokens.Split(c => c == replacement, SplitBehavior.MergedWithNext);
        }
    }
}
