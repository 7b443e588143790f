using Engine.Tokenization.Patterns;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.Normalizers;

/// <summary>One rewriting rule (normalizer of tokenizer.json).</summary>
internal abstract class Normalizer
{
    public abstract void Apply(NormalizedText text);
}

/// <summary>Rules one after another.</summary>
internal sealed class NormalizerSequence(Normalizer[] items) : Normalizer
{
    public override void Apply(NormalizedText text)
    {
        foreach (Normalizer item in items)
        {
            item.Apply(text);
        }
    }
}

/// <summary>NFC, NFD, NFKC, NFKD.</summary>
internal sealed class FormNormalizer(bool compatible, bool compose) : Normalizer
{
    public override void Apply(NormalizedText text) =>
        UnicodeNormalization.Apply(text, compatible, compose);
}

/// <summary>Lower case, without language rules.</summary>
internal sealed class LowercaseNormalizer : Normalizer
{
    public override void Apply(NormalizedText text)
    {
        text.Begin();
        for (int i = 0; i < text.Length; i++)
        {
            int c = text.Codes[i];
            if (c == 0x130)
            {
                // The one letter whose lower case is two code points: i and a dot above.
                text.Emit('i', i);
                text.Emit(0x307, i);
                continue;
            }

            text.Emit(UnicodeClasses.ToLower(c), i);
        }

        text.Commit();
    }
}

/// <summary>Drops and replaces single code points.</summary>
/// <param name="map">The code point to write, or -1 to drop.</param>
internal sealed class MapNormalizer(Func<int, int> map) : Normalizer
{
    public override void Apply(NormalizedText text)
    {
        text.Begin();
        for (int i = 0; i < text.Length; i++)
        {
            int c = map(text.Codes[i]);
            if (c >= 0)
            {
                text.Emit(c, i);
            }
        }

        text.Commit();
    }

    /// <summary>Drops marks (StripAccents; the text should be decomposed).</summary>
    public static MapNormalizer StripAccents() =>
        new(c => UnicodeClasses.IsAny(c, UnicodeClasses.Mark) ? -1 : c);

    /// <summary>The clean-up of neural translation models (Nmt).</summary>
    public static MapNormalizer Nmt() => new(c => c switch
    {
        (>= 1 and <= 8) or 0xB or (>= 0xE and <= 0x1F) or 0x7F or 0x8F or 0x9F => -1,
        9 or 0xA or 0xC or 0xD or 0x1680 or (>= 0x200B and <= 0x200F) or 0x2028 or 0x2029 or 0x2581
            or 0xFEFF or 0xFFFD => ' ',
        _ => c,
    });
}

/// <summary>Takes white space off the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override void Apply(NormalizedText text)
    {
        int start = 0;
        int end = text.Length;
        while (left && start < end && UnicodeClasses.IsWhiteSpace(text.Codes[start]))
        {
            start++;
        }

        while (right && start < end && UnicodeClasses.IsWhiteSpace(text.Codes[end - 1]))
        {
            end--;
        }

        if (end - start < text.Length)
        {
            text.Begin();
            text.Keep(start, end);
            text.Commit();
        }
    }
}

/// <summary>Puts a string before any text that is not empty.</summary>
internal sealed class PrependNormalizer(string prefix) : Normalizer
{
    private readonly int[] _prefix = CodePoints.FromUtf16(prefix);

    public override void Apply(NormalizedText text)
    {
        if (text.Length == 0)
        {
            return;
        }

        text.Begin();
        foreach (int c in _prefix)
        {
            text.Emit(c, 0);
        }

        text.Keep(0, text.Length);
        text.Commit();
    }
}

/// <summary>Replaces what a pattern finds.</summary>
internal sealed class ReplaceNormalizer(Pattern pattern, string content) : Normalizer
{
    private readonly int[] _content = CodePoints.FromUtf16(content);

    public override void Apply(NormalizedText text)
    {
        PatternCursor cursor = pattern.Open(text.RawCodes.AsMemory(0, text.Length));
        int length = text.Length;
        int kept = 0;
        int from = 0;
        int lastEnd = -1;
        text.Begin();
        while (from <= length && cursor.Find(from, out int start, out int end))
        {
            from = end > start ? end : end + 1;
            if (start == end && end == lastEnd)
            {
                continue;
            }

            text.Keep(kept, start);
            foreach (int c in _content)
            {
                text.Emit(c, end - 1);
            }

            kept = lastEnd = end;
        }

        if (kept > 0 || text.NewLength > 0)
        {
            text.Keep(kept, length);
            text.Commit();
        }
    }
}
