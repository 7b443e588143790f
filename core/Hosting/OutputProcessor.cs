using Engine.Diagnostics;
using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Hosting;

/// <summary>
/// Turns what steps did into events: text, stop strings, log probabilities, ends. Runs on the engine's thread, between
/// steps.
/// </summary>
internal sealed class OutputProcessor(InferenceEngine engine, EngineMetrics metrics, TimeProvider time)
{
    private readonly StepOutput _followUp = new();

    /// <summary>
    /// Called with a request's record right before its terminal event: who has seen that finds the request gone.
    /// </summary>
    public Action<RequestRecord>? Ended { get; init; }

    /// <summary>Delivers the events of one step.</summary>
    public void Process(StepOutput output)
    {
        long now = time.GetTimestamp();
        _followUp.Clear();
        foreach (ref readonly StepOutputItem item in output.Items)
        {
            Process(item, now);
        }

        // Failures found while processing: their other outputs end here.
        foreach (ref readonly StepOutputItem item in _followUp.Items)
        {
            Process(item, now);
        }
    }

    /// <summary>The engine's loop is gone: ends what is left without it.</summary>
    public void FailAll(IEnumerable<RequestRecord> records, string reason)
    {
        long now = time.GetTimestamp();
        foreach (RequestRecord record in records)
        {
            record.Error ??= new EngineException(EngineStatus.EngineFailed, reason);
            foreach (Sequence sequence in record.Request.Sequences)
            {
                if (!record.OutputIsFinished[sequence.OutputIndex])
                {
                    var item = new StepOutputItem(sequence, -1, null, null, FinishReason.Error);
                    FinishOutput(record, item, FinishReason.Error, null, now);
                }
            }
        }
    }

    private void Process(in StepOutputItem item, long now)
    {
        var record = (RequestRecord)item.Sequence.Request.Tag!;
        if (record.OutputIsFinished[item.Sequence.OutputIndex])
        {
            return;
        }

        AddPromptLogprobs(record, item.PromptLogprobs);
        if (item.Status.IsError())
        {
            record.Error ??= new EngineException(item.Status, item.Message ?? "the request failed");
        }

        FinishReason reason = item.FinishReason;
        object? stopReason = null;
        if (item.Token >= 0)
        {
            if (!TryTakeToken(record, item, now, out StopResult result))
            {
                return;
            }

            reason = result.FinishReason != FinishReason.None ? result.FinishReason : reason;
            stopReason = result.StopReason;
            if (item.FinishReason == FinishReason.None && reason != FinishReason.None)
            {
                engine.Stop(item.Sequence);
            }
        }
        else if (reason == FinishReason.Length)
        {
            SendPrompt(record, item.Sequence);
        }

        if (reason != FinishReason.None)
        {
            FinishOutput(record, item, reason, stopReason, now);
        }
    }

    private bool TryTakeToken(RequestRecord record, in StepOutputItem item, long now, out StopResult result)
    {
        int index = item.Sequence.OutputIndex;
        SendPrompt(record, item.Sequence);
        ObserveToken(record, index, now);
        try
        {
            result = record.Outputs[index].Append(item.Token);
        }
#pragma warning disable CA1031 // A tokenizer's defect ends its request, not the engine.
        catch (Exception e)
#pragma warning restore CA1031
        {
            result = default;
            FailHere(record, item, $"the detokenizer failed: {e.GetType().Name}: {e.Message}", now);
            return false;
        }

        Send(record, new RequestEvent
        {
            Id = record.Handle.Id,
            UserTag = record.Handle.UserTag,
            Kind = RequestEventKind.Token,
            OutputIndex = index,
            TokenId = item.Token,
            Text = result.Text,
            Logprobs = item.Logprobs,
        });
        return true;
    }

    /// <summary>Fails a request whose item is being processed; its other outputs follow in _followUp.</summary>
    private void FailHere(RequestRecord record, in StepOutputItem item, string message, long now)
    {
        record.Error ??= new EngineException(EngineStatus.Internal, message);
        if (item.FinishReason != FinishReason.None)
        {
            FinishOutput(record, item, FinishReason.Error, null, now);
        }

        engine.Fail(record.Request, EngineStatus.Internal, message, _followUp);
    }

    private void FinishOutput(
        RequestRecord record, in StepOutputItem item, FinishReason reason, object? stopReason, long now)
    {
        record.OutputIsFinished[item.Sequence.OutputIndex] = true;
        string text = "";
        if (item.Token < 0 && reason == FinishReason.Abort)
        {
            text = FlushText(record.Outputs[item.Sequence.OutputIndex]);
        }

        metrics.ObserveOutput(reason, record.NumTokens[item.Sequence.OutputIndex]);
        Send(record, new RequestEvent
        {
            Id = record.Handle.Id,
            UserTag = record.Handle.UserTag,
            Kind = RequestEventKind.OutputFinished,
            OutputIndex = item.Sequence.OutputIndex,
            Text = text,
            FinishReason = reason,
            StopReason = stopReason,
            NumCachedTokens = item.Sequence.NumCachedTokens,
        });
        if (++record.NumOutputsFinished == record.Outputs.Length)
        {
            FinishRequest(record, now);
        }
    }

    private void FinishRequest(RequestRecord record, long now)
    {
        record.Handle.MarkFinished();
        RequestTimes times = TimesOf(record, now);
        metrics.ObserveRequest(times, record.Error != null);
        Ended?.Invoke(record);
        Send(record, new RequestEvent
        {
            Id = record.Handle.Id,
            UserTag = record.Handle.UserTag,
            Kind = record.Error == null ? RequestEventKind.Finished : RequestEventKind.Failed,
            FinishReason = record.Error == null ? FinishReason.None : FinishReason.Error,
            NumCachedTokens = record.Request.Sequences[0].NumCachedTokens,
            Error = record.Error,
            Times = times,
        });
    }

    private void SendPrompt(RequestRecord record, Sequence sequence)
    {
        if (record.PromptIsSent)
        {
            return;
        }

        record.PromptIsSent = true;
        Send(record, new RequestEvent
        {
            Id = record.Handle.Id,
            UserTag = record.Handle.UserTag,
            Kind = RequestEventKind.Prompt,
            PromptTokenIds = record.PromptTokens,
            PromptLogprobs = record.PromptLogprobs,
            NumCachedTokens = sequence.NumCachedTokens,
        });
    }

    private static void AddPromptLogprobs(RequestRecord record, IReadOnlyList<PromptLogprob>? entries)
    {
        if (entries == null)
        {
            return;
        }

        foreach (PromptLogprob entry in entries)
        {
            record.PromptLogprobs?.Add(entry.Logprobs);
        }
    }

    private void ObserveToken(RequestRecord record, int index, long now)
    {
        long last = record.LastTokenTimestamps[index];
        record.LastTokenTimestamps[index] = now;
        record.NumOutputTokens++;
        record.NumTokens[index]++;
        if (record.FirstTokenTimestamp == null)
        {
            record.FirstTokenTimestamp = now;
            metrics.ObserveFirstToken(
                record.PromptTokens.Length,
                record.Request.Sequences[0].NumCachedTokens,
                time.GetElapsedTime(record.ArrivalTimestamp, now).TotalSeconds);
        }

        // Tokens of one step come together: the time between steps is observed once.
        metrics.ObserveToken(last == 0 || last == now ? -1 : time.GetElapsedTime(last, now).TotalSeconds);
    }

    private RequestTimes TimesOf(RequestRecord record, long now)
    {
        return new RequestTimes
        {
            NumPromptTokens = record.PromptTokens.Length,
            NumOutputTokens = record.NumOutputTokens,
            NumOutputs = record.Outputs.Length,
            LongestOutput = record.NumTokens.Max(),
            MaxTokens = record.Request.Sampling.MaxTokens,
            ScheduledSeconds = After(record.Request.ScheduledTimestamp),
            FirstTokenSeconds = After(record.FirstTokenTimestamp),
            LastTokenSeconds = record.FirstTokenTimestamp == null
                ? null
                : After(record.LastTokenTimestamps.Max()),
            EndSeconds = After(now)!.Value,
        };

        double? After(long? timestamp) => timestamp is long t
            ? time.GetElapsedTime(record.ArrivalTimestamp, t).TotalSeconds
            : null;
    }

    private static string FlushText(StopChecker output)
    {
        try
        {
            return output.Flush();
        }
#pragma warning disable CA1031 // Text that a broken detokenizer holds back is lost; the end must still be told.
        catch (Exception)
#pragma warning restore CA1031
        {
            return "";
        }
    }

    /// <summary>A sink that throws gets nothing more, and its request ends.</summary>
    private void Send(RequestRecord record, RequestEvent e)
    {
        if (record.SinkIsBroken)
        {
            return;
        }

        try
        {
            record.Sink.OnEvent(e);
        }
#pragma warning disable CA1031 // The sink is the host's code: its defect stays its own.
        catch (Exception)
#pragma warning restore CA1031
        {
            record.SinkIsBroken = true;
            engine.Abort(record.Handle.Id);
        }
    }
}
