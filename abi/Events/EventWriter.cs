using System.Text;
using Engine.Abi.Types;
using Engine.Hosting;

namespace Engine.Abi.Events;

/// <summary>
/// Renders events for the caller: fixed part into the caller's array, the rest into memory that is
/// reused by the next poll.
/// </summary>
internal sealed unsafe class EventWriter : IDisposable
{
    private const int Alignment = 8;

    private byte* _memory;
    private int _capacityBytes;
    private int _usedBytes;

    /// <summary>Forgets what the last poll gave out and makes room for these events.</summary>
    public void Begin(ReadOnlySpan<RequestEvent> events)
    {
        long bytes = 0;
        foreach (RequestEvent e in events)
        {
            bytes += BytesOf(e);
        }

        _usedBytes = 0;
        if (bytes > _capacityBytes)
        {
            int capacity = checked((int)Math.Max(bytes, Math.Min(2L * _capacityBytes, 1 << 20)));
            NativeMemory.Free(_memory);
            _memory = null;
            _capacityBytes = 0;
            _memory = (byte*)NativeMemory.Alloc((nuint)capacity);
            _capacityBytes = capacity;
        }
    }

    public void Write(RequestEvent e, EngineEvent* target, uint strideBytes)
    {
        var value = new EngineEvent
        {
            StructSize = strideBytes,
            Kind = KindOf(e.Kind),
            UserTag = e.UserTag,
            RequestId = (ulong)e.Id,
            OutputIndex = e.OutputIndex,
            Token = e.TokenId,
            FinishReason = e.FinishReason,
            NumCachedTokens = e.NumCachedTokens,
            StopToken = e.StopReason is int id ? id : -1,
            Status = e.Error?.Status ?? EngineStatus.Ok,
        };
        value.Text = Text(e.Error?.Message ?? e.Text, out value.TextLen);
        value.StopText = e.StopReason is string stop ? Text(stop, out value.StopTextLen) : null;
        value.Parameter = e.Error?.Parameter is { } parameter ? Text(parameter + "\0", out _) : null;
        WriteLogprobs(e, ref value);
        WritePrompt(e, ref value);
        Buffer.MemoryCopy(&value, target, strideBytes, Math.Min(strideBytes, (uint)sizeof(EngineEvent)));
        if (strideBytes > sizeof(EngineEvent))
        {
            new Span<byte>((byte*)target + sizeof(EngineEvent), (int)strideBytes - sizeof(EngineEvent)).Clear();
        }
    }

    public void Dispose()
    {
        NativeMemory.Free(_memory);
        _memory = null;
        _capacityBytes = 0;
    }

    private static EventKind KindOf(RequestEventKind kind) => kind switch
    {
        RequestEventKind.Token => EventKind.Token,
        RequestEventKind.Prompt => EventKind.Prompt,
        RequestEventKind.OutputFinished => EventKind.OutputFinished,
        RequestEventKind.Finished => EventKind.Finished,
        _ => EventKind.Failed,
    };

    private static long BytesOf(RequestEvent e)
    {
        long bytes = Encoding.UTF8.GetMaxByteCount((e.Error?.Message ?? e.Text).Length) + Alignment;
        bytes += e.StopReason is string stop ? Encoding.UTF8.GetMaxByteCount(stop.Length) + Alignment : 0;
        bytes += e.Error?.Parameter is { } parameter
            ? Encoding.UTF8.GetMaxByteCount(parameter.Length + 1) + Alignment
            : 0;
        bytes += ((long)(e.Logprobs?.Count ?? 0) * sizeof(LogprobEntry)) + Alignment;
        bytes += ((long)(e.PromptTokenIds?.Count ?? 0) * sizeof(int)) + Alignment;
        if (e.PromptLogprobs is { } prompt)
        {
            bytes += ((long)prompt.Count * sizeof(int)) + (2 * Alignment);
            foreach (IReadOnlyList<TokenLogprob>? entries in prompt)
            {
                bytes += (long)(entries?.Count ?? 0) * sizeof(LogprobEntry);
            }
        }

        return bytes;
    }

    private void WriteLogprobs(RequestEvent e, ref EngineEvent value)
    {
        if (e.Logprobs is not { Count: > 0 } logprobs)
        {
            return;
        }

        value.Logprobs = (LogprobEntry*)Take(logprobs.Count * sizeof(LogprobEntry));
        value.LogprobsLen = (ulong)logprobs.Count;
        Copy(logprobs, value.Logprobs);
        value.Logprob = logprobs[0].Logprob;
        value.Rank = logprobs[0].Rank;
    }

    private void WritePrompt(RequestEvent e, ref EngineEvent value)
    {
        if (e.PromptTokenIds is { } ids)
        {
            value.Tokens = (int*)Take(ids.Count * sizeof(int));
            value.TokensLen = (ulong)ids.Count;
            for (int i = 0; i < ids.Count; i++)
            {
                value.Tokens[i] = ids[i];
            }
        }

        if (e.PromptLogprobs is not { } prompt)
        {
            return;
        }

        value.LogprobCounts = (int*)Take(prompt.Count * sizeof(int));
        int total = 0;
        for (int i = 0; i < prompt.Count; i++)
        {
            value.LogprobCounts[i] = prompt[i]?.Count ?? 0;
            total += value.LogprobCounts[i];
        }

        value.Logprobs = (LogprobEntry*)Take(total * sizeof(LogprobEntry));
        value.LogprobsLen = (ulong)total;
        LogprobEntry* next = value.Logprobs;
        foreach (IReadOnlyList<TokenLogprob>? entries in prompt)
        {
            if (entries is not null)
            {
                Copy(entries, next);
                next += entries.Count;
            }
        }
    }

    private static void Copy(IReadOnlyList<TokenLogprob> source, LogprobEntry* target)
    {
        for (int i = 0; i < source.Count; i++)
        {
            TokenLogprob entry = source[i];
            target[i] = new LogprobEntry { Token = entry.TokenId, Logprob = entry.Logprob, Rank = entry.Rank };
        }
    }

    private byte* Text(string text, out ulong length)
    {
        byte* target = _memory + _usedBytes;
        int bytes = Encoding.UTF8.GetBytes(text, new Span<byte>(target, _capacityBytes - _usedBytes));
        Take(bytes);
        length = (ulong)bytes;
        return target;
    }

    private byte* Take(int bytes)
    {
        byte* start = _memory + _usedBytes;
        _usedBytes += (bytes + Alignment - 1) & ~(Alignment - 1);
        return start;
    }
}
