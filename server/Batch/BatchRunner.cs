using System.Threading.Channels;
using Engine.Hosting;
using Engine.Server.Http;
using Engine.Server.Terminal;

namespace Engine.Server.Batch;

/// <summary>What became of a batch.</summary>
/// <param name="NumLines">Lines of the input that hold something.</param>
/// <param name="NumErrors">Of those answered now, how many got an error.</param>
/// <param name="NumResumed">Lines that an earlier run had answered.</param>
internal readonly record struct BatchSummary(int NumLines, int NumErrors, int NumResumed);

/// <summary>Answers a file of requests, many at a time, into a file in the same order.</summary>
/// <param name="answer">Answers a line.</param>
/// <param name="maxInFlight">Lines that are being answered at the same time, at most.</param>
/// <param name="maxLineBytes">Longer lines get an error.</param>
internal sealed class BatchRunner(
    Func<BatchLine, CancellationToken, Task<BatchAnswer>> answer, int maxInFlight, int maxLineBytes)
{
    // Answers that wait for an earlier one; beyond, no line is begun. Only a line that takes thousands of others'
    // time gets there.
    private const int MaxWaiting = 16_384;

    /// <summary>Answers every line of input.</summary>
    /// <param name="input">Lines of JSON.</param>
    /// <param name="totalBytes">Its length if known, else 0.</param>
    /// <param name="output">Gets the answers; complete only if this returns.</param>
    /// <param name="progress">Told how far the input is answered; may be null.</param>
    /// <param name="cancellation">Stops; answers that are there are written.</param>
    public async Task<BatchSummary> RunAsync(
        Stream input,
        long totalBytes,
        BatchOutput output,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var started = Channel.CreateBounded<(Task<BatchAnswer> Answer, long EndOffset)>(MaxWaiting);
        Task reading = ReadAsync(input, output.Done, started.Writer, stop.Token);
        int numAnswered = 0, numErrors = 0;
        try
        {
            await foreach ((Task<BatchAnswer> task, long endOffset)
                in started.Reader.ReadAllAsync(CancellationToken.None))
            {
                if (!task.IsCompleted)
                {
                    await output.FlushAsync();
                }

                BatchAnswer answered = await task;
                await output.WriteAsync(answered.Json.WrittenMemory);
                numAnswered++;
                numErrors += answered.IsAnswered ? 0 : 1;
                progress?.Report(new LoadProgress("batch", endOffset, totalBytes));
            }

            await reading;
        }
        catch
        {
            await stop.CancelAsync();
            await EndAsync(reading, started.Reader);
            await output.FlushAsync();
            throw;
        }

        return new BatchSummary(output.Done.Count + numAnswered, numErrors, output.Done.Count);
    }

    private async Task ReadAsync(
        Stream input,
        IReadOnlyList<string?> done,
        ChannelWriter<(Task<BatchAnswer> Answer, long EndOffset)> started,
        CancellationToken cancellation)
    {
        using var slots = new SemaphoreSlim(maxInFlight);
        var running = new List<Task>();
        try
        {
            int number = 0;
            await foreach (TextLine text in LineReader.ReadAsync(input, maxLineBytes, cancellation))
            {
                BatchLine line = text.Bytes is null
                    ? BatchLine.Bad(null, $"The line is longer than {maxLineBytes} bytes.")
                    : BatchLine.Parse(text.Bytes);
                if (number++ < done.Count)
                {
                    CheckResumed(line, done[number - 1], number);
                    continue;
                }

                await slots.WaitAsync(cancellation);
                Task<BatchAnswer> task = Task.Run(() => AnswerAsync(line, slots, cancellation), CancellationToken.None);
                running.RemoveAll(static other => other.IsCompleted);
                running.Add(task);
                await started.WriteAsync((task, text.EndOffset), cancellation);
            }

            if (number < done.Count)
            {
                throw EngineException.Invalid(
                    "resume", $"{done.Count} lines are answered, but the input has {number}; it is another batch's");
            }

            started.Complete();
        }
        catch (Exception e)
        {
            started.Complete(e);
            throw;
        }
        finally
        {
            // They give back their slot, so it has to be there.
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<BatchAnswer> AnswerAsync(BatchLine line, SemaphoreSlim slots, CancellationToken cancellation)
    {
        try
        {
            return await answer(line, cancellation);
        }
        finally
        {
            slots.Release();
        }
    }

    private static async Task EndAsync(
        Task reading, ChannelReader<(Task<BatchAnswer> Answer, long EndOffset)> started)
    {
        await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (started.TryRead(out (Task<BatchAnswer> Answer, long EndOffset) left))
        {
            await ((Task)left.Answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static void CheckResumed(BatchLine line, string? customId, int number)
    {
        if (line.CustomId != customId)
        {
            throw EngineException.Invalid(
                "resume",
                $"line {number} has the custom_id \"{line.CustomId}\", and what an earlier run has answered there is "
                + $"\"{customId}\"; it is another batch's");
        }
    }
}
