using System.Text.Json;
using Engine.Hosting;
using Engine.Server.Http.Generation;

namespace Engine.Server.Http.Responses;

/// <summary>One response that is made while nobody waits for it: queued, in_progress, then how it ended.</summary>
/// <param name="format">Words it.</param>
/// <param name="events">Gets its events, if it is to be a stream too.</param>
internal sealed class BackgroundResponse(ResponsesFormat format, KeptEvents? events)
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string _status = "queued";

    public string Owner => format.Chain!.Owner;

    public KeptEvents? Events => events;

    /// <summary>Its input items.</summary>
    public JsonElement Input => format.Chain!.Input;

    /// <summary>It has been deleted.</summary>
    public bool IsUnwanted { get; private set; }

    /// <summary>The response as it stands now.</summary>
    public void Write(Utf8JsonWriter json)
    {
        lock (_lock)
        {
            format.WriteResponse(json, _status);
        }
    }

    /// <summary>Follows the engine to the end; never throws for what the request does.</summary>
    public async Task FollowAsync()
    {
        GenerationJob job = format.Job;
        using SseWriter? sse = events is null ? null : new SseWriter(events);
        if (sse is not null)
        {
            format.WriteQueued(sse);
            await sse.FlushAsync(default);
        }

        try
        {
            while (!job.IsFinished && job.Error is null)
            {
                await job.Events.WaitAsync();
                lock (_lock)
                {
                    while (job.Error is null && job.Events.TryRead(out RequestEvent e))
                    {
                        _status = "in_progress";
                        Apply(sse, e);
                    }
                }

                await (sse?.FlushAsync(default) ?? default);
            }
        }
        finally
        {
            if (!job.IsFinished)
            {
                job.Cancel();
            }

            lock (_lock)
            {
                // What had ended before it was cancelled has ended.
                format.IsCancelled &= job.Error is not null;
                format.Complete();
                _status = format.EndStatus;
                if (sse is not null)
                {
                    format.WriteEnd(sse);
                    sse.Commit();
                }
            }

            events?.Complete();
        }
    }

    /// <summary>Ends it; the task ends when it has.</summary>
    /// <param name="isDeleted">Nobody shall find it.</param>
    public Task CancelAsync(bool isDeleted = false)
    {
        lock (_lock)
        {
            format.IsCancelled = true;
            IsUnwanted |= isDeleted;
        }

        format.Job.Cancel();
        return _end.Task;
    }

    /// <summary>It is where those are that have ended.</summary>
    public void End() => _end.SetResult();

    private void Apply(SseWriter? sse, RequestEvent e)
    {
        if (sse is not null)
        {
            GenerationRunner.WriteEvent(sse, format, e);
        }
        else if (format.Job.Apply(e) is { } output)
        {
            format.Observe(output, e);
        }
    }
}
