using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Generation;

/// <summary>
/// A chunk that carries text and nothing else: all of a stream's are the same but for the text, so that one is worded
/// and the others are copies.
/// </summary>
internal sealed class TextTemplate
{
    // No byte of UTF-8 becomes more than a \u00XX.
    private const int MaxEscapedBytes = 6;
    private const int MaxCharBytes = 3;

    private readonly byte[] _before;
    private readonly byte[] _after;

    private TextTemplate(byte[] before, byte[] after)
    {
        _before = before;
        _after = after;
    }

    /// <param name="write">Writes the chunk of a text.</param>
    public static TextTemplate Create(Action<SseWriter, string> write)
    {
        string mark = Guid.NewGuid().ToString("N");
        var stream = new MemoryStream();
        PipeWriter pipe = PipeWriter.Create(stream);
        using (var sse = new SseWriter(pipe))
        {
            write(sse, mark);
            sse.Commit();
        }

        pipe.Complete();
        ReadOnlySpan<byte> chunk = stream.ToArray();
        int at = chunk.IndexOf(Encoding.UTF8.GetBytes(mark));
        return new TextTemplate(chunk[..at].ToArray(), chunk[(at + mark.Length)..].ToArray());
    }

    /// <summary>Writes the chunk of a text.</summary>
    public void Write(IBufferWriter<byte> output, string text)
    {
        int maxBytes = text.Length * MaxCharBytes;
        Span<byte> target = output.GetSpan(_before.Length + (maxBytes * MaxEscapedBytes) + _after.Length);
        _before.CopyTo(target);
        int length = _before.Length + Escape(text, target[_before.Length..], maxBytes);
        _after.CopyTo(target[length..]);
        output.Advance(length + _after.Length);
    }

    private static int Escape(string text, Span<byte> target, int maxBytes)
    {
        byte[]? rented = null;
        Span<byte> utf8 = maxBytes <= 256 ? stackalloc byte[256] : rented = ArrayPool<byte>.Shared.Rent(maxBytes);
        utf8 = utf8[..Encoding.UTF8.GetBytes(text, utf8)];
        JsonResponse.WriterOptions.Encoder!.EncodeUtf8(utf8, target, out _, out int length);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return length;
    }
}
