using Engine.Hosting;
using Engine.Sampling;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Protocol;
using Engine.Tokenization;

namespace Engine.Server.Http.Generation;

/// <summary>A beam search for one prompt, on a thread of its own. Its outputs become the events of a request that was
/// sampled, so that every form of answer takes them.</summary>
internal sealed class BeamRun
{
    // Each has a thread.
    private const int MaxRunning = 64;

    private static int _numRunning;

    private readonly ServedModel _model;
    private readonly GenerationFields _fields;
    private readonly PromptState _prompt;
    private readonly ulong _tag;
    private readonly IRequestSink _sink;

    private BeamRun(ServedModel model, GenerationFields fields, PromptState prompt, int index, IRequestSink sink)
    {
        _model = model;
        _fields = fields;
        _prompt = prompt;
        _tag = (ulong)index;
        _sink = sink;
    }

    /// <summary>Begins; the sink gets everything else, errors too.</summary>
    /// <returns>Stops it before its next step; idempotent, any thread.</returns>
    /// <exception cref="EngineException">WouldBlock: too many searches run.</exception>
    public static Action Start(
        ServedModel model,
        GenerationFields fields,
        BeamSearchParams beams,
        PromptState prompt,
        int index,
        IRequestSink sink)
    {
        if (Interlocked.Increment(ref _numRunning) > MaxRunning)
        {
            Interlocked.Decrement(ref _numRunning);
            throw new EngineException(EngineStatus.WouldBlock, $"{MaxRunning} beam searches run at most");
        }

        var run = new BeamRun(model, fields, prompt, index, sink);
        var stop = new CancellationTokenSource();
        new Thread(() => run.Run(beams, stop.Token)) { IsBackground = true, Name = "beam-search" }.Start();
        return stop.Cancel;
    }

    private void Run(BeamSearchParams beams, CancellationToken stop)
    {
        try
        {
            IReadOnlyList<BeamOutput> found = Search(beams, stop);
            Send(new RequestEvent { Id = 0, UserTag = _tag, Kind = RequestEventKind.Prompt });
            for (int i = 0; i < found.Count; i++)
            {
                SendOutput(i, found[i]);
            }

            Send(new RequestEvent { Id = 0, UserTag = _tag, Kind = RequestEventKind.Finished });
        }
        catch (OperationCanceledException)
        {
            Fail(new EngineException(EngineStatus.Cancelled, "the beam search was cancelled"));
        }
        catch (EngineException e)
        {
            Fail(e);
        }
        catch (Exception e)
        {
            // On a thread of its own it would end the process.
            Fail(new EngineException(EngineStatus.Internal, $"the beam search failed: {e.Message}", null, e));
        }
        finally
        {
            Interlocked.Decrement(ref _numRunning);
        }
    }

    private IReadOnlyList<BeamOutput> Search(BeamSearchParams beams, CancellationToken stop)
    {
        int[] prompt = [.. _prompt.TokenIds];
        int room = _model.MaxModelLen - prompt.Length;
        var scorer = new EngineBeamScorer((request, sink) => _model.Engine.Submit(request, sink), prompt.Length)
        {
            StructuredOutputs = _fields.Sampling.StructuredOutputs,
            Priority = _fields.Priority,
            CacheSalt = _fields.CacheSalt,
        };
        return BeamSearch.Run(
            prompt,
            beams with { MaxTokens = Math.Min(_fields.Sampling.MaxTokens ?? room, room) },
            _model.Engine.Model.EosTokenIds,
            scorer.Score,
            stop);
    }

    private void SendOutput(int index, BeamOutput beam)
    {
        IIncrementalDetokenizer? text = _model.Engine.Tokenizer?.CreateDetokenizer(_fields.Sampling.SkipSpecialTokens);
        for (int i = 0; i < beam.Tokens.Length; i++)
        {
            bool isShown = !beam.IsEnded || i < beam.Tokens.Length - 1 || _fields.Sampling.IncludeStopStrInOutput;
            Send(new RequestEvent
            {
                Id = 0,
                UserTag = _tag,
                Kind = RequestEventKind.Token,
                OutputIndex = index,
                TokenId = beam.Tokens[i],
                Text = isShown ? text?.Append(beam.Tokens[i]) ?? "" : "",
                Logprobs = beam.Logprobs.Count > 0 ? beam.Logprobs[i] : null,
            });
        }

        Send(new RequestEvent
        {
            Id = 0,
            UserTag = _tag,
            Kind = RequestEventKind.OutputFinished,
            OutputIndex = index,
            Text = text?.Flush().TrimEnd('\uFFFD') ?? "",
            FinishReason = beam.IsEnded ? FinishReason.Stop : FinishReason.Length,
        });
    }

    private void Fail(EngineException error) =>
        Send(new RequestEvent { Id = 0, UserTag = _tag, Kind = RequestEventKind.Failed, Error = error });

    private void Send(RequestEvent e) => _sink.OnEvent(e);
}
