using Engine.Abi.Handles;
using Engine.Abi.Params;
using Engine.Abi.Types;

namespace Engine.Abi.Api;

/// <summary>Settings by key. A key that the schema does not have is refused, with its nearest match named.</summary>
internal static unsafe class ParamsApi
{
    /// <summary>Makes an empty set of params.</summary>
    /// <param name="kind">An engine_params_kind: which keys there are.</param>
    /// <param name="outParams">Takes the params; release them.</param>
    [AbiFunction("engine_params_create")]
    public static EngineStatus Create(ParamsKind kind, ParamsHandle* outParams)
    {
        Interop.Required(outParams, "out_params");
        *outParams = new ParamsHandle(HandleTable.Publish(new ParamSet(kind)));
        return EngineStatus.Ok;
    }

    /// <summary>Makes params from a JSON object; the keys are those of the HTTP body and of vLLM's flags.</summary>
    /// <param name="kind">An engine_params_kind.</param>
    /// <param name="json">UTF-8.</param>
    /// <param name="jsonLen">Its bytes.</param>
    /// <param name="outParams">Takes the params; release them.</param>
    [AbiFunction("engine_params_from_json")]
    public static EngineStatus FromJson(
        ParamsKind kind, [In] byte* json, ulong jsonLen, ParamsHandle* outParams)
    {
        Interop.Required(outParams, "out_params");
        var set = ParamSet.FromJson(kind, Interop.Bytes(json, jsonLen, "json"));
        *outParams = new ParamsHandle(HandleTable.Publish(set));
        return EngineStatus.Ok;
    }

    /// <summary>Sets a number.</summary>
    /// <param name="parameters">The params.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    [AbiFunction("engine_params_set_i64", Threading = Threading.Exclusive)]
    public static EngineStatus SetI64(ParamsHandle parameters, [CString] byte* key, long value)
    {
        using HandlePin<ParamSet> pin = PinOf(parameters);
        pin.Target.Set(Interop.CString(key, "key"), value);
        return EngineStatus.Ok;
    }

    /// <summary>Sets a number; it must be finite.</summary>
    /// <param name="parameters">The params.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    [AbiFunction("engine_params_set_f64", Threading = Threading.Exclusive)]
    public static EngineStatus SetF64(ParamsHandle parameters, [CString] byte* key, double value)
    {
        using HandlePin<ParamSet> pin = PinOf(parameters);
        pin.Target.Set(Interop.CString(key, "key"), value);
        return EngineStatus.Ok;
    }

    /// <summary>Sets a truth value.</summary>
    /// <param name="parameters">The params.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">0 is false, everything else true.</param>
    [AbiFunction("engine_params_set_bool", Threading = Threading.Exclusive)]
    public static EngineStatus SetBool(ParamsHandle parameters, [CString] byte* key, int value)
    {
        using HandlePin<ParamSet> pin = PinOf(parameters);
        pin.Target.Set(Interop.CString(key, "key"), value != 0);
        return EngineStatus.Ok;
    }

    /// <summary>Sets a text.</summary>
    /// <param name="parameters">The params.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">UTF-8.</param>
    /// <param name="valueLen">Its bytes.</param>
    [AbiFunction("engine_params_set_str", Threading = Threading.Exclusive)]
    public static EngineStatus SetStr(
        ParamsHandle parameters, [CString] byte* key, [In] byte* value, ulong valueLen)
    {
        using HandlePin<ParamSet> pin = PinOf(parameters);
        pin.Target.Set(Interop.CString(key, "key"), Interop.Text(value, valueLen, "value"));
        return EngineStatus.Ok;
    }

    /// <summary>Sets any value, written as JSON.</summary>
    /// <param name="parameters">The params.</param>
    /// <param name="key">The key.</param>
    /// <param name="json">UTF-8.</param>
    /// <param name="jsonLen">Its bytes.</param>
    [AbiFunction("engine_params_set_json", Threading = Threading.Exclusive)]
    public static EngineStatus SetJson(
        ParamsHandle parameters, [CString] byte* key, [In] byte* json, ulong jsonLen)
    {
        using HandlePin<ParamSet> pin = PinOf(parameters);
        pin.Target.SetJson(Interop.CString(key, "key"), Interop.Bytes(json, jsonLen, "json"));
        return EngineStatus.Ok;
    }

    /// <summary>All settings as one JSON object, keys in order.</summary>
    /// <param name="parameters">The params.</param>
    /// <param name="buffer">Takes the text; not NUL-terminated.</param>
    /// <param name="capacity">Its size in bytes.</param>
    /// <param name="length">The size needed.</param>
    /// <returns>ENGINE_E_BUFFER_TOO_SMALL if capacity is less than length.</returns>
    [AbiFunction("engine_params_json")]
    public static EngineStatus Json(ParamsHandle parameters, byte* buffer, ulong capacity, ulong* length)
    {
        using HandlePin<ParamSet> pin = PinOf(parameters);
        return Interop.CopyOut<byte>(pin.Target.ToJson(), buffer, capacity, length);
    }

    /// <summary>Frees params; NULL is a no-op. Calls that took them have copied what they need.</summary>
    /// <param name="parameters">The params or NULL.</param>
    /// <returns>ENGINE_E_INVALID_HANDLE if they were released before.</returns>
    [AbiFunction("engine_params_release", NoError = true)]
    public static EngineStatus Release(ParamsHandle parameters) =>
        HandleTable.Release(parameters.Value, HandleKind.Params);

    public static HandlePin<ParamSet> PinOf(ParamsHandle handle) =>
        HandleTable.Pin<ParamSet>(handle.Value, HandleKind.Params);

    /// <summary>The params if they are of the kind that the call takes.</summary>
    public static HandlePin<ParamSet> PinOf(ParamsHandle handle, ParamsKind kind)
    {
        HandlePin<ParamSet> pin = PinOf(handle);
        if (pin.Target.ParamsKind == kind)
        {
            return pin;
        }

        ParamsKind found = pin.Target.ParamsKind;
        pin.Dispose();
        throw EngineException.Invalid("params", $"of kind {found}, where {kind} is expected");
    }
}
