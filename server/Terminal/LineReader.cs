using System.Runtime.CompilerServices;

namespace Engine.Server.Terminal;

/// <summary>One line of a file.</summary>
/// <param name="Bytes">Without its end and the blanks around it; null if it is longer than may be.</param>
/// <param name="EndOffset">Where the next line begins.</param>
/// <param name="IsEnded">A line break follows; only the last line may lack it.</param>
internal readonly record struct TextLine(byte[]? Bytes, long EndOffset, bool IsEnded);

/// <summary>Reads lines without ever holding more than one of them.</summary>
internal static class LineReader
{
    private const int FirstBufferBytes = 64 * 1024;

    /// <summary>Lines that hold something, in order.</summary>
    /// <param name="input">Read from where it stands, which counts as offset 0.</param>
    /// <param name="maxLineBytes">Longer lines are skipped, and said to have been there.</param>
    /// <param name="cancellation">Stops between reads.</param>
    public static async IAsyncEnumerable<TextLine> ReadAsync(
        Stream input, int maxLineBytes, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        byte[] buffer = new byte[FirstBufferBytes];
        long offset = 0; // of buffer[0]
        int start = 0, scanned = 0, end = 0;
        bool isTooLong = false;
        while (true)
        {
            int at = buffer.AsSpan(scanned, end - scanned).IndexOf((byte)'\n');
            if (at >= 0)
            {
                int stop = scanned + at;
                if (Line(buffer, start, stop, offset, isTooLong) is { } line)
                {
                    yield return line with { EndOffset = offset + stop + 1, IsEnded = true };
                }

                (start, scanned, isTooLong) = (stop + 1, stop + 1, false);
                continue;
            }

            scanned = end;
            isTooLong |= end - start > maxLineBytes;
            start = isTooLong ? end : start;
            offset += start;
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, scanned, end) = (0, scanned - start, end - start);
            if (end == buffer.Length)
            {
                Array.Resize(ref buffer, checked(2 * buffer.Length));
            }

            int numRead = await input.ReadAsync(buffer.AsMemory(end), cancellation);
            if (numRead == 0)
            {
                if (Line(buffer, start, end, offset, isTooLong) is { } last)
                {
                    yield return last with { EndOffset = offset + end };
                }

                yield break;
            }

            end += numRead;
        }
    }

    private static TextLine? Line(byte[] buffer, int start, int stop, long offset, bool isTooLong)
    {
        if (isTooLong)
        {
            return default(TextLine);
        }

        ReadOnlySpan<byte> bytes = buffer.AsSpan(start, stop - start);
        ReadOnlySpan<byte> mark = "\uFEFF"u8;
        if (offset + start == 0 && bytes.StartsWith(mark))
        {
            bytes = bytes[mark.Length..];
        }

        bytes = bytes.Trim(" \t\r"u8);
        return bytes.IsEmpty ? null : new TextLine(bytes.ToArray(), 0, false);
    }
}
