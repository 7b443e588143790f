using System.Text.Json;
using Engine.Abi.Handles;

namespace Engine.Abi;

/// <summary>The one place where exceptions end. Every generated entry point runs between its calls.</summary>
internal static unsafe class Guard
{
    /// <summary>Tests set it to throw inside every entry point.</summary>
    internal static Action? BeforeCall { get; set; }

    public static void Enter(ErrorHandle* err)
    {
        if (err is not null)
        {
            *err = default;
        }

        BeforeCall?.Invoke();
    }

    public static void Enter() => BeforeCall?.Invoke();

    /// <summary>The status for the caller, with an error object if it is one and is wanted.</summary>
    public static int Finish(EngineStatus status, ErrorHandle* err)
    {
        if (status.IsError() && err is not null)
        {
            Report(status, EngineStatusTable.Of(status).Message, null, err);
        }

        return (int)status;
    }

    public static int Fail(Exception exception, ErrorHandle* err)
    {
        EngineStatus status = StatusOf(exception);
        if (err is not null)
        {
            string message = status == EngineStatus.Internal ? exception.ToString() : exception.Message;
            Report(status, message, (exception as EngineException)?.Parameter, err);
        }

        return (int)status;
    }

    public static EngineStatus StatusOf(Exception exception) => exception switch
    {
        EngineException known => known.Status.IsError() ? known.Status : EngineStatus.Internal,
        OutOfMemoryException => EngineStatus.OutOfMemory,
        OperationCanceledException => EngineStatus.Cancelled,
        FileNotFoundException or DirectoryNotFoundException => EngineStatus.NotFound,
        IOException or UnauthorizedAccessException => EngineStatus.Io,
        JsonException => EngineStatus.InvalidArgument,
        _ => EngineStatus.Internal,
    };

    private static void Report(EngineStatus status, string message, string? parameter, ErrorHandle* err)
    {
        try
        {
            *err = new ErrorHandle(HandleTable.Publish(new ErrorObject(status, message, parameter)));
        }
        catch (Exception e) when (e is OutOfMemoryException or EngineException)
        {
            *err = default; // The status alone has to do.
        }
    }
}
