using System.Globalization;
using Engine.Abi.Handles;
using Engine.Abi.Params;
using Engine.Abi.Types;
using Engine.Hosting;

namespace Engine.Abi.Api;

/// <summary>Models.</summary>
internal static unsafe class ModelApi
{
    /// <summary>Loads a model and waits for it.</summary>
    /// <param name="path">A folder in Hugging Face layout, a hub name, or "fake:" for a deterministic model without
    /// weights. UTF-8.</param>
    /// <param name="pathLen">Its bytes.</param>
    /// <param name="parameters">Params of kind MODEL, or NULL.</param>
    /// <param name="outModel">Takes the model; release it.</param>
    [AbiFunction("engine_model_load")]
    public static EngineStatus Load(
        [In] byte* path, ulong pathLen, ParamsHandle parameters, ModelHandle* outModel)
    {
        Interop.Required(outModel, "out_model");
        ModelLoadOptions options = Options(path, pathLen, parameters, null);
        Publish(HostedModel.Load(options), options.Model, outModel);
        return EngineStatus.Ok;
    }

    /// <summary>What a model and one engine on it would take, from the headers of the files: no weight is
    /// read.</summary>
    /// <param name="path">As for engine_model_load, but for "fake:".</param>
    /// <param name="pathLen">Its bytes.</param>
    /// <param name="parameters">Params of kind MODEL, or NULL.</param>
    /// <param name="engineParams">Params of kind ENGINE, or NULL.</param>
    /// <param name="plan">Set struct_size; filled up to it.</param>
    [AbiFunction("engine_model_plan")]
    public static EngineStatus Plan(
        [In] byte* path, ulong pathLen, ParamsHandle parameters, ParamsHandle engineParams, PlanStruct* plan)
    {
        Interop.Required(plan, "plan");
        ModelLoadOptions options = Options(path, pathLen, parameters, null);
        if (FakeModel.IsFake(options.Model))
        {
            throw new EngineException(EngineStatus.Unsupported, "the fake model has no weights", "path");
        }

        MemoryPlan found = MemoryPlan.Compute(options, EngineApi.Options(engineParams));
        var value = new PlanStruct
        {
            Fits = found.Fits ? 1 : 0,
            WeightBytes = found.WeightBytes,
            KvCacheBytes = found.KvCacheBytes,
            ActivationBytes = found.ActivationBytes,
            TotalBytes = found.TotalBytes,
            FreeBytes = found.FreeBytes,
            NumParameters = found.NumParameters,
            NumKvTokens = found.NumKvTokens,
            NumBlocks = found.NumBlocks,
            MaxModelLen = found.MaxModelLen,
        };
        Interop.WriteStruct(value, plan, "plan");
        return EngineStatus.Ok;
    }

    /// <summary>What is known of a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="info">Set struct_size; filled up to it.</param>
    [AbiFunction("engine_model_get_info")]
    public static EngineStatus GetInfo(ModelHandle model, ModelInfoStruct* info)
    {
        using HandlePin<ModelObject> pin = PinOf(model);
        HostedModel loaded = pin.Target.Model;
        ModelInfo known = loaded.Info;
        var value = new ModelInfoStruct
        {
            VocabSize = known.VocabSize,
            MaxModelLen = known.MaxModelLen,
            BosTokenId = known.BosTokenId ?? -1,
            EosTokenId = known.EosTokenIds.Count > 0 ? known.EosTokenIds[0] : -1,
            HasTokenizer = loaded.Tokenizer is null ? 0 : 1,
            HasChatTemplate = loaded.HasTemplate ? 1 : 0,
            WeightBytes = loaded.WeightBytes,
            Architecture = pin.Target.Architecture,
            IsPooling = loaded.IsPooling ? 1 : 0,
        };
        Interop.WriteStruct(value, info, "info");
        return EngineStatus.Ok;
    }

    /// <summary>The sampling parameters that the model's authors recommend, as generation_config.json has
    /// them.</summary>
    /// <param name="model">The model.</param>
    /// <param name="outParams">Takes params of kind REQUEST; release them.</param>
    [AbiFunction("engine_model_default_params")]
    public static EngineStatus DefaultParams(ModelHandle model, ParamsHandle* outParams)
    {
        Interop.Required(outParams, "out_params");
        using HandlePin<ModelObject> pin = PinOf(model);
        var set = new ParamSet(ParamsKind.Request);
        GenerationDefaults defaults = pin.Target.Model.Defaults;
        Set(set, "temperature", defaults.Temperature);
        Set(set, "top_p", defaults.TopP);
        Set(set, "min_p", defaults.MinP);
        Set(set, "repetition_penalty", defaults.RepetitionPenalty);
        Set(set, "top_k", defaults.TopK);
        Set(set, "max_tokens", defaults.MaxTokens);
        *outParams = new ParamsHandle(HandleTable.Publish(set));
        return EngineStatus.Ok;
    }

    /// <summary>The model's tokenizer. It keeps the model in memory.</summary>
    /// <param name="model">The model.</param>
    /// <param name="outTokenizer">Takes the tokenizer; release it.</param>
    /// <returns>ENGINE_E_NOT_FOUND if the model has none.</returns>
    [AbiFunction("engine_model_tokenizer")]
    public static EngineStatus Tokenizer(ModelHandle model, TokenizerHandle* outTokenizer)
    {
        Interop.Required(outTokenizer, "out_tokenizer");
        using HandlePin<ModelObject> pin = PinOf(model);
        HostedModel loaded = pin.Target.Model;
        var tokenizer = new TokenizerObject(
            loaded.Tokenizer ?? throw new EngineException(EngineStatus.NotFound, "the model has no tokenizer"),
            () => loaded.Template);
        tokenizer.SetParent(pin.Target);
        *outTokenizer = new TokenizerHandle(HandleTable.Publish(tokenizer));
        return EngineStatus.Ok;
    }

    /// <summary>Frees a model once the last engine and tokenizer made from it is released too; NULL is a
    /// no-op.</summary>
    /// <param name="model">The model or NULL.</param>
    /// <returns>ENGINE_E_INVALID_HANDLE if it was released before.</returns>
    [AbiFunction("engine_model_release", NoError = true)]
    public static EngineStatus Release(ModelHandle model) =>
        HandleTable.Release(model.Value, HandleKind.Model);

    private static void Set(ParamSet set, string key, float? value)
    {
        if (value is float number)
        {
            set.Set(key, double.Parse(number.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture));
        }
    }

    private static void Set(ParamSet set, string key, int? value)
    {
        if (value is int number)
        {
            set.Set(key, number);
        }
    }

    public static HandlePin<ModelObject> PinOf(ModelHandle handle) =>
        HandleTable.Pin<ModelObject>(handle.Value, HandleKind.Model);

    public static void Publish(HostedModel loaded, string name, ModelHandle* outModel)
    {
        var model = new ModelObject(loaded);
        try
        {
            *outModel = new ModelHandle(HandleTable.Publish(model));
        }
        catch
        {
            model.DestroyAndUnlink();
            throw;
        }

        Log.Write(LogLevel.Info, $"model {name}: {loaded.WeightBytes} bytes of weights");
    }

    public static ModelLoadOptions Options(
        byte* path, ulong pathLen, ParamsHandle parameters, IProgress<LoadProgress>? progress)
    {
        string name = Interop.Text(path, pathLen, "path");
        if (name.Length == 0 || name.Contains('\0'))
        {
            throw EngineException.Invalid("path", name.Length == 0 ? "is empty" : "has a NUL in it");
        }

        if (parameters.Value == 0)
        {
            return OptionsReader.Model(name, null, progress);
        }

        using HandlePin<ParamSet> pin = ParamsApi.PinOf(parameters, ParamsKind.Model);
        return OptionsReader.Model(name, pin.Target, progress);
    }
}

/// <summary>Loading in the background.</summary>
internal static unsafe class LoadApi
{
    private static readonly Dictionary<string, nint> _stages = [];

    /// <summary>Starts to load a model on a thread of its own.</summary>
    /// <param name="path">As for engine_model_load.</param>
    /// <param name="pathLen">Its bytes.</param>
    /// <param name="parameters">Params of kind MODEL, or NULL.</param>
    /// <param name="outLoad">Takes the load; release it.</param>
    [AbiFunction("engine_load_start")]
    public static EngineStatus Start(
        [In] byte* path, ulong pathLen, ParamsHandle parameters, LoadHandle* outLoad)
    {
        Interop.Required(outLoad, "out_load");
        var load = new LoadObject();
        ModelLoadOptions options = ModelApi.Options(path, pathLen, parameters, load);
        nint handle = HandleTable.Publish(load);
        load.Start(options);
        *outLoad = new LoadHandle(handle);
        return EngineStatus.Ok;
    }

    /// <summary>Waits for the end of a load, and says how far it is.</summary>
    /// <param name="load">The load.</param>
    /// <param name="timeoutMs">How long to wait; 0 not at all, -1 until the end.</param>
    /// <param name="progress">Set struct_size; filled up to it.</param>
    [AbiFunction("engine_load_poll")]
    public static EngineStatus Poll(LoadHandle load, int timeoutMs, LoadProgressStruct* progress)
    {
        Interop.Required(progress, "progress");
        using HandlePin<LoadObject> pin = PinOf(load);
        bool done = pin.Target.Wait(timeoutMs);
        LoadProgress now = pin.Target.Progress;
        var value = new LoadProgressStruct
        {
            IsDone = done ? 1 : 0,
            DoneBytes = now.DoneBytes,
            TotalBytes = now.TotalBytes,
            Stage = StageName(now.Stage),
        };
        Interop.WriteStruct(value, progress, "progress");
        return EngineStatus.Ok;
    }

    /// <summary>Asks a load to end; engine_load_finish then gives ENGINE_E_CANCELLED. Idempotent.</summary>
    /// <param name="load">The load.</param>
    [AbiFunction("engine_load_cancel")]
    public static EngineStatus Cancel(LoadHandle load)
    {
        using HandlePin<LoadObject> pin = PinOf(load);
        pin.Target.Cancel();
        return EngineStatus.Ok;
    }

    /// <summary>Waits for the end of a load and takes the model, once.</summary>
    /// <param name="load">The load; it is still to be released.</param>
    /// <param name="outModel">Takes the model; release it.</param>
    /// <returns>Whatever engine_model_load would have given.</returns>
    [AbiFunction("engine_load_finish")]
    public static EngineStatus Finish(LoadHandle load, ModelHandle* outModel)
    {
        Interop.Required(outModel, "out_model");
        using HandlePin<LoadObject> pin = PinOf(load);
        HostedModel model = pin.Target.Take();
        ModelApi.Publish(model, model.Info.Name, outModel);
        return EngineStatus.Ok;
    }

    /// <summary>Cancels a load that has not ended, waits for its thread and frees it; NULL is a no-op.</summary>
    /// <param name="load">The load or NULL.</param>
    /// <returns>ENGINE_E_INVALID_HANDLE if it was released before.</returns>
    [AbiFunction("engine_load_release", NoError = true)]
    public static EngineStatus Release(LoadHandle load) =>
        HandleTable.Release(load.Value, HandleKind.Load);

    private static HandlePin<LoadObject> PinOf(LoadHandle handle) =>
        HandleTable.Pin<LoadObject>(handle.Value, HandleKind.Load);

    /// <summary>Stages are few; their names stay for ever.</summary>
    private static byte* StageName(string stage)
    {
        lock (_stages)
        {
            if (!_stages.TryGetValue(stage, out nint text))
            {
                text = Marshal.StringToCoTaskMemUTF8(stage);
                _stages.Add(stage, text);
            }

            return (byte*)text;
        }
    }
}
