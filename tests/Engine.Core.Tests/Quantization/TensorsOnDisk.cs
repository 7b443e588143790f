using System.Runtime.InteropServices;
using Engine.Loading;
using Engine.Memory;

namespace Engine.Tests.Quantization;

/// <summary>Checkpoints of a few tensors that a test makes up.</summary>
internal static class TensorsOnDisk
{
    /// <summary>Writes model.safetensors, and a config.json that has nothing but how it is quantized.</summary>
    public static void Write(string folder, string config, List<TensorToWrite> tensors)
    {
        File.WriteAllText(Path.Combine(folder, "config.json"), $$"""{"quantization_config": {{config}}}""");
        Write(folder, tensors);
    }

    /// <summary>Writes model.safetensors.</summary>
    public static void Write(string folder, List<TensorToWrite> tensors)
    {
        using FileStream stream = File.Create(Path.Combine(folder, "model.safetensors"));
        SafetensorsWriter.Write(stream, tensors, _ => { }, CancellationToken.None);
    }

    /// <summary>A tensor of values in memory.</summary>
    public static TensorToWrite Tensor<T>(string name, DType type, long[] shape, T[] values)
        where T : unmanaged => new(
        name, type, shape, 1, (_, to) => MemoryMarshal.AsBytes<T>(values).CopyTo(to));
}
