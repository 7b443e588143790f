using System.IO.Pipelines;
using Engine.Hosting;
using Engine.Server.Http.Json;
using Engine.Server.Http.Tracing;

namespace Engine.Server.Http.Generation;

/// <summary>Runs a job to its end and writes the answer, whole or as a stream.</summary>
internal static class GenerationRunner
{
    /// <summary>Submits and answers. Whatever ends this early (the client left, a bug) ends the job too.</summary>
    public static async Task RunAsync(HttpContext context, ResponseFormat format, ServerOptions options)
    {
        GenerationJob job = format.Job;
        job.Events.OnOverflow = () =>
        {
            job.Cancel();
            context.Abort();
        };
        using CancellationTokenRegistration left = context.RequestAborted.UnsafeRegister(
            static events => ((EventQueue)events!).Cancel(), job.Events);

        // Two ticks without an event between them are one interval at the least.
        TimeSpan tick = options.PingInterval / 2;
        await using Timer? pings = job.Fields.Stream
            ? new Timer(static events => ((EventQueue)events!).Ping(), job.Events, tick, tick)
            : null;
        job.Submit();
        try
        {
            await (job.Fields.Stream
                ? StreamAsync(context, format)
                : WholeAsync(context, format));
        }
        finally
        {
            if (!job.IsFinished)
            {
                job.Cancel();
            }

            if (job.Fields.Stream)
            {
                // What follows, up to the connection's next request, is not for the thread that all streams share.
                await Task.Yield();
            }

            if (RequestTrace.IsOn)
            {
                RequestTrace.Write(RequestTrace.ParentOf(context.Request.Headers), job, format.Id, format.Model);
            }
        }
    }

    private static async Task WholeAsync(HttpContext context, ResponseFormat format)
    {
        GenerationJob job = format.Job;
        while (!job.IsFinished && job.Error is null)
        {
            await job.Events.WaitAsync();
            while (job.Events.TryRead(out RequestEvent e))
            {
                if (job.Apply(e) is { } output)
                {
                    format.Observe(output, e);
                }
            }
        }

        if (job.Error is not null)
        {
            throw job.Error;
        }

        job.KeepBest();
        await JsonResponse.WriteAsync(context, format.WriteWhole);
    }

    private static async Task StreamAsync(HttpContext context, ResponseFormat format)
    {
        GenerationJob job = format.Job;
        SseWriter.SetHeaders(context.Response);
        using var sse = new SseWriter(context.Response.BodyWriter);
        while (!job.IsFinished && job.Error is null)
        {
            if (!await job.Events.WaitAsync())
            {
                sse.Ping();
            }

            while (job.Error is null && job.Events.TryRead(out RequestEvent e))
            {
                WriteEvent(sse, format, e);
            }

            if (!await FlushAsync(job, sse, context.RequestAborted))
            {
                return;
            }
        }

        // Goes out together with the end of the body.
        format.WriteEnd(sse);
        sse.Commit();
    }

    /// <summary>Books an event and writes what it adds.</summary>
    public static void WriteEvent(SseWriter sse, ResponseFormat format, RequestEvent e)
    {
        OutputState? output = format.Job.Apply(e);
        if (output is null || format.Job.Error is not null)
        {
            return;
        }

        if (!output.HasStarted)
        {
            output.HasStarted = true;
            format.WriteFirst(sse, output);
        }

        format.WriteDelta(sse, output, e);
    }

    // False if the client is gone.
    private static async ValueTask<bool> FlushAsync(
        GenerationJob job, SseWriter sse, CancellationToken cancellation)
    {
        if (sse.IsEmpty)
        {
            // A token without text of its own, or one that is held back.
            return true;
        }

        job.Events.IsReaderBlocked = true;
        FlushResult result = await sse.FlushAsync(cancellation);
        job.Events.IsReaderBlocked = false;
        return !result.IsCompleted && !result.IsCanceled;
    }
}
