using System.Text;
using Engine.Abi.Handles;
using Engine.Abi.Params;
using Engine.Abi.Types;
using Engine.Pooling;

namespace Engine.Abi.Api;

/// <summary>Models that make vectors or scores of whole texts.</summary>
internal static unsafe class PoolerApi
{
    /// <summary>Makes a pooler: it computes texts on a thread of its own, as many at once as fit a batch, one behind
    /// the other without padding.</summary>
    /// <param name="model">A model that engine_model_get_info says is one for pooling; it may be released right
    /// after.</param>
    /// <param name="parameters">Params of kind ENGINE, or NULL; max_num_batched_tokens, max_num_seqs and
    /// max_queue_size count.</param>
    /// <param name="outPooler">Takes the pooler; release it.</param>
    /// <returns>ENGINE_E_UNSUPPORTED if the model was loaded to write.</returns>
    [AbiFunction("engine_pooler_create")]
    public static EngineStatus Create(ModelHandle model, ParamsHandle parameters, PoolerHandle* outPooler)
    {
        Interop.Required(outPooler, "out_pooler");
        using HandlePin<ModelObject> pin = ModelApi.PinOf(model);
        var pooler = new PoolerObject(pin.Target, EngineApi.Options(parameters));
        try
        {
            *outPooler = new PoolerHandle(HandleTable.Publish(pooler));
        }
        catch
        {
            pooler.DestroyAndUnlink();
            throw;
        }

        Log.Write(LogLevel.Info, "pooler started");
        return EngineStatus.Ok;
    }

    /// <summary>What the pooler makes of texts.</summary>
    /// <param name="pooler">The pooler.</param>
    /// <param name="info">Set struct_size; filled up to it.</param>
    [AbiFunction("engine_pooler_get_info")]
    public static EngineStatus GetInfo(PoolerHandle pooler, PoolerInfoStruct* info)
    {
        using HandlePin<PoolerObject> pin = PinOf(pooler);
        PoolingModel model = pin.Target.Worker.Model;
        var value = new PoolerInfoStruct
        {
            Embeds = model.Embeds ? 1 : 0,
            Dimensions = model.Dimensions,
            HiddenSize = model.Config.HiddenSize,
            NumLabels = model.Labels.Count,
            MaxTokens = model.MaxTokens,
        };
        Interop.WriteStruct(value, info, "info");
        return EngineStatus.Ok;
    }

    /// <summary>The name of a label of CLASSIFY.</summary>
    /// <param name="pooler">The pooler.</param>
    /// <param name="index">Which; its column in the results.</param>
    /// <param name="buffer">Takes the text, UTF-8, not NUL-terminated.</param>
    /// <param name="capacity">Its size in bytes.</param>
    /// <param name="length">The size needed.</param>
    /// <returns>ENGINE_E_NOT_FOUND if there is no such label.</returns>
    [AbiFunction("engine_pooler_label")]
    public static EngineStatus Label(
        PoolerHandle pooler, int index, byte* buffer, ulong capacity, ulong* length)
    {
        Interop.Required(length, "length");
        using HandlePin<PoolerObject> pin = PinOf(pooler);
        IReadOnlyList<string> labels = pin.Target.Worker.Model.Labels;
        return (uint)index < (uint)labels.Count
            ? Interop.CopyOut<byte>(Encoding.UTF8.GetBytes(labels[index]), buffer, capacity, length)
            : throw new EngineException(EngineStatus.NotFound, $"label {index} of {labels.Count}", "index");
    }

    /// <summary>Hands in texts and returns at once. Text is tokenized on the calling thread. A text that is refused or
    /// fails leaves the others alone: engine_pooling_get_result says so of it alone.</summary>
    /// <param name="pooler">The pooler.</param>
    /// <param name="args">The texts and what is wanted of them; set struct_size of it and of the first input.</param>
    /// <param name="outPooling">Takes the pooling; release it.</param>
    /// <returns>ENGINE_E_WOULD_BLOCK if the queue is full: try again later; ENGINE_E_UNSUPPORTED if the model cannot do
    /// the task.</returns>
    [AbiFunction("engine_pooler_submit")]
    public static EngineStatus Submit(PoolerHandle pooler, [In] PoolingArgs* args, PoolingHandle* outPooling)
    {
        Interop.Required(outPooling, "out_pooling");
        using HandlePin<PoolerObject> pin = PinOf(pooler);
        PoolingArgs value = Interop.ReadStruct<PoolingArgs>(args, "args");
        PoolingSettings settings = PoolingReader.Settings(value);
        PoolingInput[] inputs = PoolingReader.Inputs(value);
        var pooling = new PoolingObject(pin.Target, inputs.Length);
        try
        {
            pooling.Start(value.Task, inputs, settings);
            *outPooling = new PoolingHandle(HandleTable.Publish(pooling));
        }
        catch
        {
            pooling.DestroyAndUnlink();
            throw;
        }

        return EngineStatus.Ok;
    }

    /// <summary>A pooler's counters and histograms as JSON, as engine_metrics_json gives an engine's.</summary>
    /// <param name="pooler">The pooler.</param>
    /// <param name="buffer">Takes the text; not NUL-terminated.</param>
    /// <param name="capacity">Its size in bytes.</param>
    /// <param name="length">The size needed.</param>
    /// <returns>ENGINE_E_BUFFER_TOO_SMALL if capacity is less than length.</returns>
    [AbiFunction("engine_pooler_metrics_json")]
    public static EngineStatus MetricsJson(PoolerHandle pooler, byte* buffer, ulong capacity, ulong* length)
    {
        Interop.Required(length, "length");
        using HandlePin<PoolerObject> pin = PinOf(pooler);
        return Interop.CopyOut<byte>(MetricsApi.Render(pin.Target.Worker.Metrics), buffer, capacity, length);
    }

    /// <summary>Takes nothing new, lets texts end, cancels the rest and stops the thread. Idempotent.</summary>
    /// <param name="pooler">The pooler; it is still to be released.</param>
    /// <param name="timeoutMs">How long texts may take to end; 0 cancels at once, -1 waits for all.</param>
    /// <returns>ENGINE_E_TIMEOUT if texts had to be cancelled.</returns>
    [AbiFunction("engine_pooler_stop")]
    public static EngineStatus Stop(PoolerHandle pooler, int timeoutMs)
    {
        using HandlePin<PoolerObject> pin = PinOf(pooler);
        return pin.Target.Stop(Lifetime.DrainTime(timeoutMs)) ? EngineStatus.Ok : EngineStatus.Timeout;
    }

    /// <summary>Lets go of a pooler; NULL is a no-op. It is freed once the poolings made of it are released
    /// too.</summary>
    /// <param name="pooler">The pooler or NULL.</param>
    /// <returns>ENGINE_E_INVALID_HANDLE if it was released before.</returns>
    [AbiFunction("engine_pooler_release", NoError = true)]
    public static EngineStatus Release(PoolerHandle pooler) =>
        HandleTable.Release(pooler.Value, HandleKind.Pooler);

    private static HandlePin<PoolerObject> PinOf(PoolerHandle handle) =>
        HandleTable.Pin<PoolerObject>(handle.Value, HandleKind.Pooler);
}

/// <summary>Texts that were handed in together.</summary>
internal static unsafe class PoolingApi
{
    /// <summary>Waits until every text has ended.</summary>
    /// <param name="pooling">The pooling.</param>
    /// <param name="timeoutMs">How long to wait; 0 not at all, -1 until the end.</param>
    /// <param name="numEnded">How many texts have ended, failed ones included; all of them unless the time is
    /// over.</param>
    [AbiFunction("engine_pooling_wait")]
    public static EngineStatus Wait(PoolingHandle pooling, int timeoutMs, ulong* numEnded)
    {
        Interop.Required(numEnded, "num_ended");
        using HandlePin<PoolingObject> pin = PinOf(pooling);
        *numEnded = (ulong)pin.Target.Wait(timeoutMs);
        return EngineStatus.Ok;
    }

    /// <summary>A descriptor that is readable once every text has ended. It belongs to the pooling: never read or
    /// close it.</summary>
    /// <param name="pooling">The pooling.</param>
    /// <param name="outFd">Takes the descriptor.</param>
    [AbiFunction("engine_pooling_fd")]
    public static EngineStatus Fd(PoolingHandle pooling, int* outFd)
    {
        Interop.Required(outFd, "out_fd");
        using HandlePin<PoolingObject> pin = PinOf(pooling);
        *outFd = pin.Target.Descriptor();
        return EngineStatus.Ok;
    }

    /// <summary>Ends every text that has not ended, with ENGINE_E_CANCELLED. Idempotent.</summary>
    /// <param name="pooling">The pooling.</param>
    [AbiFunction("engine_pooling_cancel")]
    public static EngineStatus Cancel(PoolingHandle pooling)
    {
        using HandlePin<PoolingObject> pin = PinOf(pooling);
        pin.Target.Cancel();
        return EngineStatus.Ok;
    }

    /// <summary>What came of one text; does not wait.</summary>
    /// <param name="pooling">The pooling.</param>
    /// <param name="index">Which text.</param>
    /// <param name="result">Set struct_size; filled up to it.</param>
    /// <returns>Why the text failed; ENGINE_E_WOULD_BLOCK if it has not ended.</returns>
    [AbiFunction("engine_pooling_get_result")]
    public static EngineStatus GetResult(PoolingHandle pooling, ulong index, PoolingResultStruct* result)
    {
        Interop.Required(result, "result");
        using HandlePin<PoolingObject> pin = PinOf(pooling);
        Interop.WriteStruct(pin.Target.Result(index), result, "result");
        return EngineStatus.Ok;
    }

    /// <summary>Cancels what has not ended and frees the results; NULL is a no-op.</summary>
    /// <param name="pooling">The pooling or NULL.</param>
    /// <returns>ENGINE_E_INVALID_HANDLE if it was released before.</returns>
    [AbiFunction("engine_pooling_release", NoError = true)]
    public static EngineStatus Release(PoolingHandle pooling) =>
        HandleTable.Release(pooling.Value, HandleKind.Pooling);

    private static HandlePin<PoolingObject> PinOf(PoolingHandle handle) =>
        HandleTable.Pin<PoolingObject>(handle.Value, HandleKind.Pooling);
}
