using Engine.Hosting;
using Engine.Server.Http.Json;

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
        job.Submit();
        try
        {
            await (job.Fields.Stream
                ? StreamAsync(context, format, options)
                : WholeAsync(context, format, options));
        }
        finally
        {
            if (!job.IsFinished)
            {
                job.Cancel();
            }
        }
    }

    private static async Task WholeAsync(HttpContext context, ResponseFormat format, ServerOptions options)
    {
        GenerationJob job = format.Job;
        while (!job.IsFinished && job.Error is null)
        {
            await job.Events.WaitAsync(options.PingInterval, context.RequestAborted);
            while (job.Events.TryRead(out RequestEvent e))
            {
                job.Apply(e);
            }
        }

        if (job.Error is not null)
        {
            throw job.Error;
        }

        await JsonResponse.WriteAsync(context, format.WriteWhole);
    }

    private static async Task StreamAsync(HttpContext context, ResponseFormat format, ServerOptions options)
    {
        GenerationJob job = format.Job;
        SseWriter.SetHeaders(context.Response);
        using var sse = new SseWriter(context.Response.BodyWriter);
        while (!job.IsFinished && job.Error is null)
        {
            if (!await job.Events.WaitAsync(options.PingInterval, context.RequestAborted))
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

        format.WriteEnd(sse);
        await FlushAsync(job, sse, context.RequestAborted);
    }

    private static void WriteEvent(SseWriter sse, ResponseFormat format, RequestEvent e)
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

    private static async ValueTask<bool> FlushAsync(
        GenerationJob job, SseWriter sse, CancellationToken cancellation)
    {
        job.Events.IsReaderBlocked = true;
        bool isConnected = await sse.FlushAsync(cancellation);
        job.Events.IsReaderBlocked = false;
        return isConnected;
    }
}
