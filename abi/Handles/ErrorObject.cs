using System.Runtime.InteropServices;

namespace Engine.Abi.Handles;

/// <summary>An error as the caller reads it; its strings are native and live as long as the handle.</summary>
internal sealed unsafe class ErrorObject : HandleObject
{
    public ErrorObject(EngineStatus status, string message, string? parameter)
    {
        Status = status;
        Message = (byte*)Marshal.StringToCoTaskMemUTF8(message);
        Parameter = parameter is null ? null : (byte*)Marshal.StringToCoTaskMemUTF8(parameter);
    }

    public override HandleKind Kind => HandleKind.Error;

    public EngineStatus Status { get; }

    public byte* Message { get; private set; }

    public byte* Parameter { get; private set; }

    public bool Retryable => Status is EngineStatus.WouldBlock or EngineStatus.Timeout;

    protected override void Destroy()
    {
        Marshal.FreeCoTaskMem((nint)Message);
        Marshal.FreeCoTaskMem((nint)Parameter);
        Message = null;
        Parameter = null;
    }
}
