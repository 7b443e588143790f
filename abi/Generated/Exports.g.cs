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
}
