using Engine.Devices.Reference;
using Engine.Hosting;

namespace Engine.Devices;

/// <summary>Devices by name.</summary>
internal static class DeviceFactory
{
    public static IDevice Create(ModelLoadOptions options) => options.Device switch
    {
        "cpu" or "reference" => new ReferenceDevice(),
        _ => throw EngineException.Invalid("device", $"expected cpu or reference, found \"{options.Device}\""),
    };

    /// <summary>Worker threads: the option, or every CPU this process may use.</summary>
    public static int NumThreads(ModelLoadOptions options)
    {
        if (options.NumThreads < 0)
        {
            throw EngineException.Invalid("num_threads", $"expected 0 or more, found {options.NumThreads}");
        }
        return options.NumThreads > 0 ? options.NumThreads : Environment.ProcessorCount;
    }
}
