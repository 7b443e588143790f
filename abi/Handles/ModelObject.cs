namespace Engine.Abi.Handles;

/// <summary>A loaded model; engines and tokenizers hold references on it.</summary>
internal sealed unsafe class ModelObject : HandleObject
{
    public ModelObject(HostedModel model)
    {
        Model = model;
        Architecture = (byte*)Marshal.StringToCoTaskMemUTF8(model.Architecture);
    }

    public override HandleKind Kind => HandleKind.Model;

    public HostedModel Model { get; }

    public byte* Architecture { get; private set; }

    protected override void Destroy()
    {
        Marshal.FreeCoTaskMem((nint)Architecture);
        Architecture = null;
        Model.Dispose();
    }
}
