namespace Engine.Loading;

/// <summary>One safetensors file, mapped; tensors are read where they lie.</summary>
internal sealed class SafetensorsFile : IDisposable
{
    private readonly MappedFile _file;

    private SafetensorsFile(MappedFile file, Dictionary<string, SafetensorsTensor> tensors)
    {
        _file = file;
        Tensors = tensors;
    }

    public string Name => _file.Name;

    public long Bytes => _file.Bytes;

    public IReadOnlyDictionary<string, SafetensorsTensor> Tensors { get; }

    /// <summary>Maps a file and checks its header in full.</summary>
    public static SafetensorsFile Open(string path)
    {
        MappedFile file = new(path);
        try
        {
            int prefix = (int)Math.Min(file.Bytes, SafetensorsHeader.PrefixBytes);
            long length = SafetensorsHeader.ReadLength(file.Name, file.Bytes, file.Span(0, prefix));
            long data = SafetensorsHeader.PrefixBytes + length;
            Dictionary<string, SafetensorsTensor> tensors = SafetensorsHeader.Parse(
                file.Name, file.Span(SafetensorsHeader.PrefixBytes, (int)length), file.Bytes - data);
            foreach (SafetensorsTensor t in tensors.Values)
            {
                t.Address = file.Address + (nint)(data + t.Offset);
            }
            return new SafetensorsFile(file, tensors);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void DropPages() => _file.DropPages();

    public void Dispose() => _file.Dispose();
}
