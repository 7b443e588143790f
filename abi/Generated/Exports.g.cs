// Generated from the AbiFunction attributes by abi/Generator; do not edit.
using Engine.Abi.Api;
using Engine.Abi.Handles;
using Engine.Abi.Types;

namespace Engine.Abi;

/// <summary>Every managed entry point; each catches everything.</summary>
internal static unsafe class Exports
{
    [UnmanagedCallersOnly(EntryPoint = "engineimpl__start")]
    public static void Start()
    {
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_sleep")]
    public static int Sleep(nint engine, int level, SleepMode mode, int timeoutMs, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(SleepApi.Sleep(new EngineHandle(engine), level, mode, timeoutMs), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_wake_up")]
    public static int WakeUp(nint engine, int weightsOnly, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(SleepApi.WakeUp(new EngineHandle(engine), weightsOnly), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_sleep_level")]
    public static int SleepLevel(nint engine, int* outLevel, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(SleepApi.Level(new EngineHandle(engine), outLevel), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_init")]
    public static int Init(nint options, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(LibraryApi.Init(new ParamsHandle(options)), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_shutdown")]
    public static int Shutdown(int timeoutMs, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(LibraryApi.Shutdown(timeoutMs), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_log_set_level")]
    public static int LogSetLevel(LogLevel level, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(LibraryApi.LogSetLevel(level), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_log_drain")]
    public static int LogDrain(byte* buffer, ulong capacity, ulong* length, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(LibraryApi.LogDrain(buffer, capacity, length), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_error_code")]
    public static int ErrorCode(nint error)
    {
        try
        {
            Guard.Enter();
            return Guard.Finish(ErrorApi.Code(new ErrorHandle(error)), null);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, null);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_error_message")]
    public static byte* ErrorMessage(nint error)
    {
        try
        {
            Guard.Enter();
            return ErrorApi.Message(new ErrorHandle(error));
        }
        catch (Exception)
        {
            return default;
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_error_parameter")]
    public static byte* ErrorParameter(nint error)
    {
        try
        {
            Guard.Enter();
            return ErrorApi.Parameter(new ErrorHandle(error));
        }
        catch (Exception)
        {
            return default;
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_error_retryable")]
    public static int ErrorRetryable(nint error)
    {
        try
        {
            Guard.Enter();
            return ErrorApi.Retryable(new ErrorHandle(error));
        }
        catch (Exception)
        {
            return default;
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_error_release")]
    public static int ErrorRelease(nint error)
    {
        try
        {
            Guard.Enter();
            return Guard.Finish(ErrorApi.Release(new ErrorHandle(error)), null);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, null);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_params_create")]
    public static int ParamsCreate(ParamsKind kind, ParamsHandle* outParams, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ParamsApi.Create(kind, outParams), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_params_from_json")]
    public static int ParamsFromJson(ParamsKind kind, byte* json, ulong jsonLen, ParamsHandle* outParams, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ParamsApi.FromJson(kind, json, jsonLen, outParams), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_params_set_i64")]
    public static int ParamsSetI64(nint parameters, byte* key, long value, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ParamsApi.SetI64(new ParamsHandle(parameters), key, value), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_params_set_f64")]
    public static int ParamsSetF64(nint parameters, byte* key, double value, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ParamsApi.SetF64(new ParamsHandle(parameters), key, value), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_params_set_bool")]
    public static int ParamsSetBool(nint parameters, byte* key, int value, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ParamsApi.SetBool(new ParamsHandle(parameters), key, value), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_params_set_str")]
    public static int ParamsSetStr(nint parameters, byte* key, byte* value, ulong valueLen, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ParamsApi.SetStr(new ParamsHandle(parameters), key, value, valueLen), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_params_set_json")]
    public static int ParamsSetJson(nint parameters, byte* key, byte* json, ulong jsonLen, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ParamsApi.SetJson(new ParamsHandle(parameters), key, json, jsonLen), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_params_json")]
    public static int ParamsJson(nint parameters, byte* buffer, ulong capacity, ulong* length, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ParamsApi.Json(new ParamsHandle(parameters), buffer, capacity, length), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_params_release")]
    public static int ParamsRelease(nint parameters)
    {
        try
        {
            Guard.Enter();
            return Guard.Finish(ParamsApi.Release(new ParamsHandle(parameters)), null);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, null);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_model_load")]
    public static int ModelLoad(byte* path, ulong pathLen, nint parameters, ModelHandle* outModel, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ModelApi.Load(path, pathLen, new ParamsHandle(parameters), outModel), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_model_plan")]
    public static int ModelPlan(byte* path, ulong pathLen, nint parameters, nint engineParams, PlanStruct* plan, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ModelApi.Plan(path, pathLen, new ParamsHandle(parameters), new ParamsHandle(engineParams), plan), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_model_get_info")]
    public static int ModelGetInfo(nint model, ModelInfoStruct* info, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ModelApi.GetInfo(new ModelHandle(model), info), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_model_default_params")]
    public static int ModelDefaultParams(nint model, ParamsHandle* outParams, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ModelApi.DefaultParams(new ModelHandle(model), outParams), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_model_tokenizer")]
    public static int ModelTokenizer(nint model, TokenizerHandle* outTokenizer, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ModelApi.Tokenizer(new ModelHandle(model), outTokenizer), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_model_release")]
    public static int ModelRelease(nint model)
    {
        try
        {
            Guard.Enter();
            return Guard.Finish(ModelApi.Release(new ModelHandle(model)), null);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, null);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_load_start")]
    public static int LoadStart(byte* path, ulong pathLen, nint parameters, LoadHandle* outLoad, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(LoadApi.Start(path, pathLen, new ParamsHandle(parameters), outLoad), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_load_poll")]
    public static int LoadPoll(nint load, int timeoutMs, LoadProgressStruct* progress, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(LoadApi.Poll(new LoadHandle(load), timeoutMs, progress), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_load_cancel")]
    public static int LoadCancel(nint load, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(LoadApi.Cancel(new LoadHandle(load)), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_load_finish")]
    public static int LoadFinish(nint load, ModelHandle* outModel, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(LoadApi.Finish(new LoadHandle(load), outModel), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_load_release")]
    public static int LoadRelease(nint load)
    {
        try
        {
            Guard.Enter();
            return Guard.Finish(LoadApi.Release(new LoadHandle(load)), null);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, null);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_tokenizer_load")]
    public static int TokenizerLoad(byte* path, ulong pathLen, TokenizerHandle* outTokenizer, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(TokenizerApi.Load(path, pathLen, outTokenizer), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_tokenizer_get_info")]
    public static int TokenizerGetInfo(nint tokenizer, TokenizerInfoStruct* info, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(TokenizerApi.GetInfo(new TokenizerHandle(tokenizer), info), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_tokenize")]
    public static int Tokenize(nint tokenizer, byte* text, ulong textLen, TextFlags flags, int* tokens, ulong capacity, ulong* length, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(TokenizerApi.Tokenize(new TokenizerHandle(tokenizer), text, textLen, flags, tokens, capacity, length), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_detokenize")]
    public static int Detokenize(nint tokenizer, int* tokens, ulong tokensLen, TextFlags flags, byte* buffer, ulong capacity, ulong* length, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(TokenizerApi.Detokenize(new TokenizerHandle(tokenizer), tokens, tokensLen, flags, buffer, capacity, length), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_token_to_id")]
    public static int TokenToId(nint tokenizer, byte* token, ulong tokenLen, int* outId, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(TokenizerApi.TokenToId(new TokenizerHandle(tokenizer), token, tokenLen, outId), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_id_to_token")]
    public static int IdToToken(nint tokenizer, int id, byte* buffer, ulong capacity, ulong* length, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(TokenizerApi.IdToToken(new TokenizerHandle(tokenizer), id, buffer, capacity, length), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_tokenizer_release")]
    public static int TokenizerRelease(nint tokenizer)
    {
        try
        {
            Guard.Enter();
            return Guard.Finish(TokenizerApi.Release(new TokenizerHandle(tokenizer)), null);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, null);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_chat_template_apply")]
    public static int ChatTemplateApply(nint tokenizer, byte* json, ulong jsonLen, byte* buffer, ulong capacity, ulong* length, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ChatApi.Apply(new TokenizerHandle(tokenizer), json, jsonLen, buffer, capacity, length), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_chat_tokenize")]
    public static int ChatTokenize(nint tokenizer, byte* json, ulong jsonLen, int* tokens, ulong capacity, ulong* length, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ChatApi.ChatTokenize(new TokenizerHandle(tokenizer), json, jsonLen, tokens, capacity, length), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_chat_parser_create")]
    public static int ChatParserCreate(byte* json, ulong jsonLen, ChatParserHandle* outParser, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ChatParserApi.Create(json, jsonLen, outParser), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_chat_parser_feed")]
    public static int ChatParserFeed(nint parser, byte* text, ulong textLen, JsonHandle* outJson, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ChatParserApi.Feed(new ChatParserHandle(parser), text, textLen, outJson), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_chat_parser_finish")]
    public static int ChatParserFinish(nint parser, JsonHandle* outJson, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(ChatParserApi.Finish(new ChatParserHandle(parser), outJson), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_chat_parser_release")]
    public static int ChatParserRelease(nint parser)
    {
        try
        {
            Guard.Enter();
            return Guard.Finish(ChatParserApi.Release(new ChatParserHandle(parser)), null);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, null);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_create")]
    public static int Create(nint model, nint parameters, EngineHandle* outEngine, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(EngineApi.Create(new ModelHandle(model), new ParamsHandle(parameters), outEngine), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_submit")]
    public static int Submit(nint engine, SubmitArgs* args, ulong* outId, RequestHandleValue* outRequest, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(EngineApi.Submit(new EngineHandle(engine), args, outId, outRequest), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_poll")]
    public static int Poll(nint engine, int timeoutMs, EngineEvent* events, ulong capacity, ulong* count, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(EngineApi.Poll(new EngineHandle(engine), timeoutMs, events, capacity, count), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_wake")]
    public static int Wake(nint engine, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(EngineApi.Wake(new EngineHandle(engine)), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_fd")]
    public static int Fd(nint engine, int* outFd, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(EngineApi.Fd(new EngineHandle(engine), outFd), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_cancel")]
    public static int Cancel(nint engine, ulong requestId, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(EngineApi.Cancel(new EngineHandle(engine), requestId), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_health")]
    public static int Health(nint engine, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(EngineApi.Health(new EngineHandle(engine)), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_stop")]
    public static int Stop(nint engine, int timeoutMs, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(EngineApi.Stop(new EngineHandle(engine), timeoutMs), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_release")]
    public static int Release(nint engine)
    {
        try
        {
            Guard.Enter();
            return Guard.Finish(EngineApi.Release(new EngineHandle(engine)), null);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, null);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_request_id")]
    public static int RequestId(nint request, ulong* outId, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(RequestApi.Id(new RequestHandleValue(request), outId), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_request_cancel")]
    public static int RequestCancel(nint request, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(RequestApi.Cancel(new RequestHandleValue(request)), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_request_poll")]
    public static int RequestPoll(nint request, int timeoutMs, EngineEvent* events, ulong capacity, ulong* count, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(RequestApi.Poll(new RequestHandleValue(request), timeoutMs, events, capacity, count), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_request_fd")]
    public static int RequestFd(nint request, int* outFd, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(RequestApi.Fd(new RequestHandleValue(request), outFd), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_request_release")]
    public static int RequestRelease(nint request)
    {
        try
        {
            Guard.Enter();
            return Guard.Finish(RequestApi.Release(new RequestHandleValue(request)), null);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, null);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_beam_search")]
    public static int BeamSearch(nint engine, byte* json, ulong jsonLen, JsonHandle* outJson, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(BeamApi.Search(new EngineHandle(engine), json, jsonLen, outJson), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_json_text")]
    public static int JsonText(nint json, byte** outText, ulong* length, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(BeamApi.Text(new JsonHandle(json), outText, length), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_json_release")]
    public static int JsonRelease(nint json)
    {
        try
        {
            Guard.Enter();
            return Guard.Finish(BeamApi.Release(new JsonHandle(json)), null);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, null);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_metrics_snapshot")]
    public static int MetricsSnapshot(nint engine, MetricsStruct* metrics, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(MetricsApi.Snapshot(new EngineHandle(engine), metrics), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_metrics_json")]
    public static int MetricsJson(nint engine, byte* buffer, ulong capacity, ulong* length, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(MetricsApi.Json(new EngineHandle(engine), buffer, capacity, length), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_pooler_create")]
    public static int PoolerCreate(nint model, nint parameters, PoolerHandle* outPooler, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(PoolerApi.Create(new ModelHandle(model), new ParamsHandle(parameters), outPooler), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_pooler_get_info")]
    public static int PoolerGetInfo(nint pooler, PoolerInfoStruct* info, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(PoolerApi.GetInfo(new PoolerHandle(pooler), info), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_pooler_label")]
    public static int PoolerLabel(nint pooler, int index, byte* buffer, ulong capacity, ulong* length, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(PoolerApi.Label(new PoolerHandle(pooler), index, buffer, capacity, length), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_pooler_submit")]
    public static int PoolerSubmit(nint pooler, PoolingArgs* args, PoolingHandle* outPooling, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(PoolerApi.Submit(new PoolerHandle(pooler), args, outPooling), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_pooler_metrics_json")]
    public static int PoolerMetricsJson(nint pooler, byte* buffer, ulong capacity, ulong* length, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(PoolerApi.MetricsJson(new PoolerHandle(pooler), buffer, capacity, length), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_pooler_stop")]
    public static int PoolerStop(nint pooler, int timeoutMs, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(PoolerApi.Stop(new PoolerHandle(pooler), timeoutMs), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_pooler_release")]
    public static int PoolerRelease(nint pooler)
    {
        try
        {
            Guard.Enter();
            return Guard.Finish(PoolerApi.Release(new PoolerHandle(pooler)), null);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, null);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_pooling_wait")]
    public static int PoolingWait(nint pooling, int timeoutMs, ulong* numEnded, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(PoolingApi.Wait(new PoolingHandle(pooling), timeoutMs, numEnded), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_pooling_fd")]
    public static int PoolingFd(nint pooling, int* outFd, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(PoolingApi.Fd(new PoolingHandle(pooling), outFd), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_pooling_cancel")]
    public static int PoolingCancel(nint pooling, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(PoolingApi.Cancel(new PoolingHandle(pooling)), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_pooling_get_result")]
    public static int PoolingGetResult(nint pooling, ulong index, PoolingResultStruct* result, ErrorHandle* err)
    {
        try
        {
            Guard.Enter(err);
            return Guard.Finish(PoolingApi.GetResult(new PoolingHandle(pooling), index, result), err);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, err);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "engineimpl_pooling_release")]
    public static int PoolingRelease(nint pooling)
    {
        try
        {
            Guard.Enter();
            return Guard.Finish(PoolingApi.Release(new PoolingHandle(pooling)), null);
        }
        catch (Exception e)
        {
            return Guard.Fail(e, null);
        }
    }
}
