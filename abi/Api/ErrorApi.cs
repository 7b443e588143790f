using Engine.Abi.Handles;

namespace Engine.Abi.Api;

/// <summary>Reading errors. No accessor fails: a null or stale error reads as ENGINE_OK, "" and NULL.</summary>
internal static unsafe class ErrorApi
{
    // Static, never freed: what a caller gets who reads an error that is not there.
    private static readonly byte* _empty = (byte*)System.Runtime.InteropServices.NativeMemory.AllocZeroed(1);

    /// <summary>The status of an error; ENGINE_OK for NULL, ENGINE_E_INVALID_HANDLE for a stale one.</summary>
    /// <param name="error">The error or NULL.</param>
    [AbiFunction("engine_error_code", NoError = true)]
    public static EngineStatus Code(ErrorHandle error)
    {
        if (error.Value == 0)
        {
            return EngineStatus.Ok;
        }

        using HandlePin<ErrorObject> pin = PinOf(error);
        return pin.Target.Status;
    }

    /// <summary>What was expected and what was found. NUL-terminated UTF-8, valid until the error is released; "" for NULL.</summary>
    /// <param name="error">The error or NULL.</param>
    [AbiFunction("engine_error_message", NoError = true)]
    [return: CString]
    public static byte* Message(ErrorHandle error)
    {
        if (error.Value == 0)
        {
            return _empty;
        }

        using HandlePin<ErrorObject> pin = PinOf(error);
        return pin.Target.Message;
    }

    /// <summary>Path of the offending field, as "sampling.top_p", or NULL. Valid until the error is released.</summary>
    /// <param name="error">The error or NULL.</param>
    [AbiFunction("engine_error_parameter", NoError = true)]
    [return: CString]
    public static byte* Parameter(ErrorHandle error)
    {
        if (error.Value == 0)
        {
            return null;
        }

        using HandlePin<ErrorObject> pin = PinOf(error);
        return pin.Target.Parameter;
    }

    /// <summary>1 if the same call may succeed later without a change.</summary>
    /// <param name="error">The error or NULL.</param>
    [AbiFunction("engine_error_retryable", NoError = true)]
    public static int Retryable(ErrorHandle error)
    {
        if (error.Value == 0)
        {
            return 0;
        }

        using HandlePin<ErrorObject> pin = PinOf(error);
        return pin.Target.Retryable ? 1 : 0;
    }

    /// <summary>Frees an error; NULL is a no-op.</summary>
    /// <param name="error">The error or NULL.</param>
    /// <returns>ENGINE_E_INVALID_HANDLE if it was released before.</returns>
    [AbiFunction("engine_error_release", NoError = true)]
    public static EngineStatus Release(ErrorHandle error) =>
        HandleTable.Release(error.Value, HandleKind.Error);

    private static HandlePin<ErrorObject> PinOf(ErrorHandle error) =>
        HandleTable.Pin<ErrorObject>(error.Value, HandleKind.Error);
}
