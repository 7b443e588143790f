using System.Text;

namespace Engine.Abi.Handles;

/// <summary>A result too large or too costly to be asked for twice; its text lives as long as the handle.</summary>
internal sealed unsafe class JsonObject : HandleObject
{
    public JsonObject(ReadOnlySpan<byte> utf8)
    {
        LengthBytes = utf8.Length;
        Text = (byte*)NativeMemory.Alloc((nuint)utf8.Length + 1);
        utf8.CopyTo(new Span<byte>(Text, utf8.Length));
        Text[utf8.Length] = 0;
    }

    public override HandleKind Kind => HandleKind.Json;

    public byte* Text { get; private set; }

    public int LengthBytes { get; }

    public override string ToString() => Encoding.UTF8.GetString(Text, LengthBytes);

    protected override void Destroy()
    {
        NativeMemory.Free(Text);
        Text = null;
    }
}
