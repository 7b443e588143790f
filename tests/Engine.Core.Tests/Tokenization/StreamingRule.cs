using Engine.Tokenization;
using NUnit.Framework;

namespace Engine.Tests.Tokenization;

/// <summary>Streams random ids and compares with what whole decodes say should be emitted.</summary>
internal static class StreamingRule
{
    public static void AssertHolds(Tokenizer tokenizer, int seed, int count)
    {
        Random random = new(seed);
        int[] bytes = [.. Enumerable.Range(0, 256)
            .Select(b => tokenizer.TokenToId($"<0x{b:X2}>")).Where(id => id >= 0)];
        for (int n = 0; n < count; n++)
        {
            int[] ids = new int[random.Next(1, 24)];
            for (int i = 0; i < ids.Length; i++)
            {
                bool asByte = bytes.Length > 0 && random.Next(3) > 0;
                ids[i] = asByte ? bytes[random.Next(bytes.Length)]
                    : random.Next(-1, tokenizer.VocabSize + 1);
            }

            bool skip = random.Next(2) == 0;
            IIncrementalDetokenizer stream = tokenizer.CreateDetokenizer(skip);
            string[] found = [.. ids.Select(stream.Append), stream.Flush()];
            Assert.That(found, Is.EqualTo(Expected(tokenizer, ids, skip)),
                $"seed {seed}, stream {n}: {string.Join(' ', ids)}, skip {skip}");
        }
    }

    private static string[] Expected(Tokenizer tokenizer, int[] ids, bool skip)
    {
        List<string> pieces = [];
        string emitted = "";
        for (int k = 1; k <= ids.Length + 1; k++)
        {
            bool atEnd = k > ids.Length;
            string text = tokenizer.Decode(ids.AsSpan(0, Math.Min(k, ids.Length)), skip);
            bool holds = (!atEnd && text.EndsWith('\uFFFD'))
                || !text.StartsWith(emitted, StringComparison.Ordinal);
            pieces.Add(holds ? "" : text[emitted.Length..]);
            emitted = holds ? emitted : text;
        }

        return [.. pieces];
    }
}
